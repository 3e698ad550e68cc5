//! Runs that take no longer than they may.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use ort::session::{RunOptions, Session, SessionInputValue, SessionOutputs};

use super::model::Failure;
use super::runtime::Runtime;

/// How long a run may take.
pub(super) struct Limit {
    time: Duration,
    /// What a run is ended by, where the runtime lets itself be ended.
    end: Option<RunOptions>,
}

impl Limit {
    pub(super) fn new(time: Duration, runtime: &Runtime) -> ort::Result<Self> {
        let end = runtime.library().map(|_| RunOptions::new()).transpose()?;
        Ok(Self { time, end })
    }

    /// Runs a network. ONNX Runtime ends a run that is late at the next
    /// operation; what the embedded runtime gives too late is thrown away.
    pub(super) fn run<'s>(
        &'s self,
        session: &'s mut Session,
        inputs: Vec<(String, SessionInputValue<'_>)>,
    ) -> Result<SessionOutputs<'s>, Failure> {
        let start = Instant::now();
        let outputs = match &self.end {
            Some(end) => self.until(end, session, inputs),
            None => session.run(inputs),
        };
        match start.elapsed() {
            spent if spent > self.time => Err(Failure::Late(self.time)),
            _ => outputs.map_err(Failure::of),
        }
    }

    fn until<'s>(
        &self,
        end: &'s RunOptions,
        session: &'s mut Session,
        inputs: Vec<(String, SessionInputValue<'_>)>,
    ) -> ort::Result<SessionOutputs<'s>> {
        end.unterminate()?;
        let (done, ended) = mpsc::channel::<()>();
        thread::scope(|scope| {
            scope.spawn(move || {
                if ended.recv_timeout(self.time) == Err(RecvTimeoutError::Timeout) {
                    // A run that cannot be ended goes on, and is late all the
                    // same.
                    let _ = end.terminate();
                }
            });
            let outputs = session.run_with_options(inputs, end);
            drop(done);
            outputs
        })
    }
}
