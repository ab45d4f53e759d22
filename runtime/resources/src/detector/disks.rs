//! The room on disks, for whoever must not be held up by one that no longer answers.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use super::{Detector, FolderSpace};

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_millis(100);

/// Asks file systems on a thread of its own, which the first look starts. Once one has
/// not answered in time nobody waits again: what was said last is told, nothing before
/// it has said anything.
#[derive(Debug, Default)]
pub(super) struct Disks(Option<Asker>);

#[derive(Debug)]
struct Asker {
    questions: Sender<Vec<PathBuf>>,
    answers: Receiver<Vec<FolderSpace>>,
    /// An answer once did not come in time.
    is_late: bool,
    /// The last answer.
    last: Vec<FolderSpace>,
}

/// Of a copy, its own thread is started when it first looks.
impl Clone for Disks {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Disks {
    /// The room where each folder lies, as it was said last; nothing of any where one
    /// has never answered.
    pub(super) fn look(&mut self, detector: &Detector) -> Vec<FolderSpace> {
        let folders = detector.asked();
        if folders.is_empty() {
            return Vec::new();
        }
        let detector = detector.clone();
        self.ask(folders, move |folders| detector.room(&folders))
    }

    fn ask(
        &mut self,
        folders: Vec<PathBuf>,
        room: impl FnMut(Vec<PathBuf>) -> Vec<FolderSpace> + Send + 'static,
    ) -> Vec<FolderSpace> {
        if self.0.is_none() {
            self.0 = Asker::start(room).ok();
        }
        let Some(asker) = &mut self.0 else {
            return Vec::new();
        };
        let answer = asker.ask(folders);
        if answer.is_err() {
            self.0 = None;
        }
        answer.unwrap_or_default()
    }
}

/// The thread is gone.
struct Gone;

impl Asker {
    fn start(
        mut room: impl FnMut(Vec<PathBuf>) -> Vec<FolderSpace> + Send + 'static,
    ) -> std::io::Result<Self> {
        let (questions, asked) = channel();
        let (told, answers) = channel();
        thread::Builder::new()
            .name("patinox-disks".to_owned())
            .spawn(move || {
                // Until whoever asks is gone.
                for folders in asked {
                    if told.send(room(folders)).is_err() {
                        return;
                    }
                }
            })?;
        Ok(Self {
            questions,
            answers,
            is_late: false,
            last: Vec::new(),
        })
    }

    fn ask(&mut self, folders: Vec<PathBuf>) -> Result<Vec<FolderSpace>, Gone> {
        // What is late is taken when it is there, a look later, and asked for anew.
        let patience = match self.is_late {
            true => Duration::ZERO,
            false => {
                self.questions.send(folders.clone()).map_err(|_gone| Gone)?;
                PATIENCE
            }
        };
        match self.answers.recv_timeout(patience) {
            Ok(spaces) if self.is_late => {
                self.questions.send(folders).map_err(|_gone| Gone)?;
                self.last = spaces;
            }
            Ok(spaces) => self.last = spaces,
            Err(RecvTimeoutError::Timeout) => self.is_late = true,
            Err(RecvTimeoutError::Disconnected) => return Err(Gone),
        }
        Ok(self.last.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_disk_that_hangs_is_waited_for_once_and_told_when_it_answers() {
        let (go_on, hangs) = channel();
        let folder = std::env::temp_dir();
        let space = Detector::new().folder(&folder).unwrap();
        let answer = vec![space];
        let room = answer.clone();
        let mut disks = Disks(
            Asker::start(move |_| {
                let _ = hangs.recv();
                room.clone()
            })
            .ok(),
        );
        let mut look = || disks.ask(vec![folder.clone()], |_| Vec::new());
        let started = Instant::now();
        assert_eq!(look(), []);
        assert!(PATIENCE <= started.elapsed());
        // It would be another hour at a hundred milliseconds each.
        for _ in 0..36_000 {
            assert_eq!(look(), []);
        }
        go_on.send(()).unwrap();
        // The late answer, and one for each look from here on.
        drop(go_on);
        while look().is_empty() {
            assert!(started.elapsed() < Duration::from_secs(20));
            thread::yield_now();
        }
        assert_eq!(look(), answer);
    }

    #[test]
    fn a_disk_that_is_always_slow_is_told_all_the_same() {
        let folder = std::env::temp_dir();
        let space = Detector::new().folder(&folder).unwrap();
        let (_sender, nobody_sends) = channel::<()>();
        let room = move |_| {
            let _ = nobody_sends.recv_timeout(2 * PATIENCE);
            vec![space.clone()]
        };
        let mut disks = Disks(Asker::start(room).ok());
        let mut look = || disks.ask(vec![folder.clone()], |_| Vec::new());
        let started = Instant::now();
        while look().is_empty() {
            assert!(started.elapsed() < Duration::from_secs(20));
            thread::yield_now();
        }
        // What it said last stands until it says more.
        assert!((0..1_000).all(|_| look().len() == 1));
    }

    #[test]
    fn a_thread_that_is_gone_is_started_again() {
        let mut disks = Disks(Asker::start(|_| panic!("at the first question")).ok());
        let space = Detector::new().folder(std::env::temp_dir()).unwrap();
        let mut look = || {
            let space = space.clone();
            disks.ask(Vec::new(), move |_| vec![space.clone()])
        };
        // To tell of a panic may take longer than an answer is waited for.
        let started = Instant::now();
        while look().is_empty() {
            assert!(started.elapsed() < Duration::from_secs(20));
            thread::yield_now();
        }
    }
}
