"""A store made of objects behind a network: the protocol of store.md over ``store.objects``."""
