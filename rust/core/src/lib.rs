//! The pure core of whorl.
