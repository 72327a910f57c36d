//! What is left to do, last in first out: a folder is done before its neighbours are begun, so that few are open.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::files::Batch;
use super::folder::Folder;
use super::large::Large;
use crate::control::{Control, PERIOD};

/// One thing to do.
pub(super) enum Task {
    /// List the root.
    Root,
    /// List a folder inside another one, by position, and then those behind it.
    Folders { folder: Arc<Folder>, next: usize },
    /// Digest some files of a folder.
    Files(Batch),
    /// Help to digest a large file.
    Large(Arc<Large>),
}

/// Tasks, and how many are being done.
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    tasks: Vec<Task>,
    /// Large files that others are reading, for threads that have nothing else to do.
    larges: Vec<Arc<Large>>,
    busy: usize,
    stopped: bool,
}

impl Queue {
    pub(super) fn new(first: Task) -> Self {
        Self {
            state: Mutex::new(State {
                tasks: vec![first],
                larges: Vec::new(),
                busy: 0,
                stopped: false,
            }),
            changed: Condvar::new(),
        }
    }

    /// Add tasks; the last one is done first.
    pub(super) fn push(&self, tasks: impl IntoIterator<Item = Task>) {
        self.locked().tasks.extend(tasks);
        self.changed.notify_all();
    }

    /// Take a task; `None` when everything is done, or somebody said to stop.
    pub(super) fn take(&self, seat: usize, control: &Control<'_>) -> Option<Task> {
        let mut state = self.locked();
        loop {
            if state.stopped {
                return None;
            }
            if let Some(task) = state.next() {
                state.busy += 1;
                return Some(task);
            }
            if state.busy == 0 {
                return None;
            }
            state = self.wait(state);
            if control.advance(seat, 0).is_err() {
                state.stopped = true;
                self.changed.notify_all();
            }
        }
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let woken = self.changed.wait_timeout(state, PERIOD);
        woken.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Let threads that have nothing else to do help with a large file.
    pub(super) fn offer(&self, large: &Arc<Large>) {
        self.locked().larges.push(Arc::clone(large));
        self.changed.notify_all();
    }

    /// There is nothing left to help with.
    pub(super) fn withdraw(&self, large: &Arc<Large>) {
        let others = |other: &Arc<Large>| !Arc::ptr_eq(other, large);
        self.locked().larges.retain(others);
    }

    /// A task that was taken is done.
    pub(super) fn done(&self) {
        let mut state = self.locked();
        state.busy -= 1;
        if state.busy == 0 {
            self.changed.notify_all();
        }
    }

    pub(super) fn stop(&self) {
        self.locked().stopped = true;
        self.changed.notify_all();
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn next(&mut self) -> Option<Task> {
        let to_help = || {
            let large = self.larges.iter().find(|large| !large.is_taken());
            large.map(|large| Task::Large(Arc::clone(large)))
        };
        self.tasks.pop().or_else(to_help)
    }
}
