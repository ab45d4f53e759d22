//! A line on a terminal that says that it goes on.

use std::future::Future;
use std::time::{Duration, Instant};

use crate::output::print_stderr_raw;

/// How often the line is drawn anew.
const TICK: Duration = Duration::from_millis(100);

/// More than the line ever takes. Spaces clear it on every terminal, also where
/// escape sequences are not wanted.
const WIDTH: usize = 40;

const FRAMES: [char; 4] = ['|', '/', '-', '\\'];

/// Shows the line while the work goes on.
pub(super) async fn show<T>(what: &str, work: impl Future<Output = T>) -> T {
    tokio::pin!(work);
    let started = Instant::now();
    let mut ticks = tokio::time::interval(TICK);
    let line = Line;
    for frame in FRAMES.into_iter().cycle() {
        tokio::select! {
            biased;
            done = &mut work => {
                drop(line);
                return done;
            }
            _ = ticks.tick() => {
                let seconds = started.elapsed().as_secs();
                print_stderr_raw(&format!("\r{frame} {what}, {seconds} s"));
            }
        }
    }
    work.await
}

/// However the work ends, dropped included, nothing of the line is left: not
/// even the `^C` that a terminal writes behind it.
struct Line;

impl Drop for Line {
    fn drop(&mut self) {
        print_stderr_raw(&format!("\r{:WIDTH$}\r", ""));
    }
}
