//! What the caller of a long digest gets to say while it runs: how far it is, and whether to go on.
//!
//! Only the thread that called is asked to report (its seat is 0): it is the one that may run Python's signal handlers,
//! and a callback of the user's belongs to it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::error::Error;

/// Time between two reports: a quarter of the 0.2 s in which Ctrl-C must show.
pub const PERIOD: Duration = Duration::from_millis(50);

/// Takes the bytes that are done and says whether to go on.
pub type Report<'a> = &'a (dyn Fn(u64) -> bool + Sync);

/// How far a digest is, and whether it was stopped.
pub struct Control<'a> {
    report: Option<Report<'a>>,
    started: Instant,
    /// Nanoseconds after the start at which the next report is due.
    due: AtomicU64,
    done: AtomicU64,
    stopped: AtomicBool,
}

impl<'a> Control<'a> {
    /// Report to a function at most every [`PERIOD`]; `false` stops.
    #[must_use]
    pub fn new(report: Option<Report<'a>>) -> Self {
        Self {
            report,
            started: Instant::now(),
            due: AtomicU64::new(nanoseconds(PERIOD)),
            done: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
        }
    }

    /// Run to the end without a word.
    #[must_use]
    pub fn silent() -> Control<'static> {
        Control::new(None)
    }

    /// Count bytes as done; the caller's thread reports where that is due.
    ///
    /// # Errors
    /// [`Error::Stopped`] once a report has said so, in every thread.
    pub fn advance(&self, seat: usize, bytes: u64) -> Result<(), Error> {
        let done = self.done.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if let (0, Some(report)) = (seat, self.report) {
            let now = nanoseconds(self.started.elapsed());
            if now >= self.due.load(Ordering::Relaxed) {
                self.due.store(now + nanoseconds(PERIOD), Ordering::Relaxed);
                if !report(done) {
                    self.stopped.store(true, Ordering::Relaxed);
                }
            }
        }
        if self.stopped.load(Ordering::Relaxed) {
            return Err(Error::Stopped);
        }
        Ok(())
    }

    /// Bytes that are done.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_that_says_no_stops_every_thread() {
        let report = |_| false;
        let control = Control::new(Some(&report));

        assert!(control.advance(1, 1).is_ok());
        std::thread::sleep(PERIOD);
        assert!(matches!(control.advance(0, 1), Err(Error::Stopped)));
        assert!(matches!(control.advance(1, 1), Err(Error::Stopped)));
    }
}
