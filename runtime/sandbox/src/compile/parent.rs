//! The parent's side: one child, from its start to its end.

use std::ffi::OsStr;
use std::io::{PipeReader, Write as _};
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use patinox_policy::{LimitName, LoadLimits};
use patinox_resources::{Kind, Owner, ProcessTime, Registered, Registry, State};
use rustix::buffer::spare_capacity;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group};

use super::blame;
use super::wire::{Bounds, HELLO, MAX_REASON_BYTES, Reply, Request, Status};
use super::{COMPILE_WORKER, Failed, Order, WorkerFault};
use crate::error::Starved;

/// How long a program may take to say that it is a worker. Even a machine that
/// is very busy starts one in a fraction of it.
const HELLO_WAIT: Duration = Duration::from_secs(10);

/// How long a child that closed its output may take to end.
const EXIT_WAIT: Duration = Duration::from_secs(1);

/// How often it is looked whether it did.
const EXIT_LOOK: Duration = Duration::from_millis(1);

/// What is read of a reply at first; more room is made as more comes, so that
/// nobody reserves memory by its word.
const FIRST_READ: usize = 1 << 20;

/// The program that compiles, in a process of its own.
///
/// It must call [`compile_worker`](super::compile_worker) first of all.
#[derive(Clone, Debug)]
pub struct Worker {
    program: PathBuf,
    /// How many are started ahead, and what they hold themselves to.
    pub(crate) ahead: Option<(NonZeroUsize, LoadLimits)>,
    /// Where it is written down which processes there are.
    registry: Registry,
}

/// A child that has limited itself, and waits for the one component that it will
/// compile.
pub(crate) struct Ready {
    child: Kept,
    stdin: ChildStdin,
    stdout: ChildStdout,
    bounds: Bounds,
}

impl Ready {
    /// Starts a child, which has not said yet that it is a worker.
    fn spawn(worker: &Worker, limits: &LoadLimits) -> Result<Self, WorkerFault> {
        let bounds = Bounds::new(limits);
        let child = Command::new(&worker.program)
            .arg(OsStr::new(COMPILE_WORKER))
            .args(bounds.to_arguments())
            .env_clear()
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(WorkerFault::NotStarted)?;
        let registry = &worker.registry;
        let entry = registry.register(Kind::Process, Owner::new("compile"), bounds.memory_bytes);
        let mut child = Kept(child, entry);
        let pipes = child.0.stdin.take().zip(child.0.stdout.take());
        let (stdin, stdout) = pipes.ok_or(WorkerFault::BrokeOff)?;
        for pipe in [stdin.as_fd(), stdout.as_fd()] {
            fcntl_setfl(pipe, OFlags::NONBLOCK)
                .map_err(|error| WorkerFault::NotStarted(error.into()))?;
        }
        Ok(Self {
            child,
            stdin,
            stdout,
            bounds,
        })
    }

    /// Whether it would be started just so for a component under these limits.
    pub(crate) fn suits(&self, limits: &LoadLimits) -> bool {
        self.bounds == Bounds::new(limits)
    }

    /// Whether it is still there.
    pub(crate) fn is_alive(&mut self) -> bool {
        matches!(self.child.0.try_wait(), Ok(None))
    }
}

/// One component to be compiled.
pub(crate) struct Job<'a> {
    pub(crate) order: Order,
    pub(crate) bytes: &'a [u8],
    pub(crate) limits: &'a LoadLimits,
    /// When nobody waits for it any longer.
    pub(crate) deadline: Instant,
    /// Where it is seen that somebody waits: the other end of this pipe is
    /// open.
    pub(crate) leash: &'a PipeReader,
}

impl Worker {
    /// Names the program. A path that is not absolute is one of the folder in
    /// which this process is now.
    #[must_use]
    pub fn new(program: impl AsRef<Path>) -> Self {
        let program = program.as_ref();
        // The child starts in another folder.
        let absolute = std::path::absolute(program);
        Self {
            program: absolute.unwrap_or_else(|_| program.to_owned()),
            ahead: None,
            registry: Registry::new(),
        }
    }

    /// Has so many processes started ahead once the first component is compiled,
    /// under these limits: what is compiled under others starts one of its own.
    /// Each compiles one component, and goes when none has come for a minute.
    #[must_use]
    pub fn with_ready(mut self, count: usize, limits: LoadLimits) -> Self {
        self.ahead = NonZeroUsize::new(count).map(|count| (count, limits));
        self
    }

    /// Writes down here which processes there are.
    pub(crate) fn written_down_in(mut self, registry: &Registry) -> Self {
        self.registry = registry.clone();
        self
    }

    pub(crate) const fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Starts a child, and waits until it has limited itself. Blocks until then.
    ///
    /// The child dies with the thread that calls this.
    pub(crate) fn start(&self, limits: &LoadLimits) -> Result<Ready, WorkerFault> {
        let ready = Ready::spawn(self, limits)?;
        let until = Instant::now() + HELLO_WAIT;
        let mut hello = [0; HELLO.len()];
        let mut rest = hello.as_mut_slice();
        while !rest.is_empty() {
            let wait = until.saturating_duration_since(Instant::now());
            if wait.is_zero() {
                return Err(WorkerFault::NotAWorker);
            }
            let [_] = polled([(ready.stdout.as_fd(), PollFlags::IN)], wait);
            match rustix::io::read(&ready.stdout, &mut *rest) {
                Ok(0) => return Err(WorkerFault::NotAWorker),
                Ok(read) => rest = rest.get_mut(read..).unwrap_or_default(),
                Err(Errno::AGAIN | Errno::INTR) => {}
                Err(_) => return Err(WorkerFault::BrokeOff),
            }
        }
        if hello == HELLO {
            ready.child.1.set_state(State::Idle);
            Ok(ready)
        } else {
            Err(WorkerFault::NotAWorker)
        }
    }

    /// Compiles in a child process: the one that is ready, or one that is started
    /// for it. Blocks until that has ended.
    ///
    /// A child that is started here dies with the thread that calls this.
    pub(crate) fn compile(&self, job: &Job<'_>, ready: Option<Ready>) -> Result<Vec<u8>, Failed> {
        if job.deadline <= Instant::now() {
            return Err(Failed::Starved(Starved::Waiting));
        }
        let mut talk = match ready {
            Some(ready) => Talk::with(ready, job, true),
            None => Talk::with(Ready::spawn(self, job.limits)?, job, false),
        };
        if !talk.greeted {
            let mut hello = [0; HELLO.len()];
            talk.fill(&mut hello)?;
            if hello != HELLO {
                return Err(WorkerFault::NotAWorker.into());
            }
            talk.greeted = true;
        }
        let mut head = [0; Reply::BYTES];
        talk.fill(&mut head)?;
        let reply = Reply::from_bytes(&head).ok_or(WorkerFault::BrokeOff)?;
        let text = |payload: Vec<u8>| String::from_utf8_lossy(&payload).into_owned();
        match reply.status {
            // Code is never larger than what it was made in.
            Status::Code => talk.payload(reply.len, job.limits.compile_memory_bytes),
            Status::Invalid => Err(Failed::Invalid {
                reason: text(talk.payload(reply.len, MAX_REASON_BYTES)?),
            }),
            Status::Memory => Err(Failed::Limit(LimitName::CompileMemory)),
            Status::Fault => {
                let reason = text(talk.payload(reply.len, MAX_REASON_BYTES)?);
                Err(WorkerFault::Failed(reason.into()).into())
            }
        }
    }
}

/// A child that is killed and reaped when this is dropped.
struct Kept(Child, Registered);

impl Drop for Kept {
    fn drop(&mut self) {
        // The group too: what is no worker may have started others. It is not
        // reaped yet, so the number is still its own.
        let _ = kill_process_group(Pid::from_child(&self.0), Signal::KILL);
        // It is killed already, or gone.
        let _ = self.0.wait();
    }
}

/// The talk with one child.
struct Talk<'a> {
    child: Kept,
    /// `None` once all is said.
    stdin: Option<ChildStdin>,
    stdout: ChildStdout,
    /// What is still to be said.
    rest: &'a [u8],
    job: &'a Job<'a>,
    started: Instant,
    greeted: bool,
}

impl<'a> Talk<'a> {
    fn with(ready: Ready, job: &'a Job<'a>, greeted: bool) -> Self {
        let Ready {
            child,
            mut stdin,
            stdout,
            bounds: _,
        } = ready;
        let request = Request {
            order: job.order,
            len: u64::try_from(job.bytes.len()).unwrap_or(u64::MAX),
        };
        child.1.set_state(State::Active);
        // There is room in the pipe for so little, and a program that reads
        // none of it is found out by what it says.
        let _ = stdin.write_all(&request.to_bytes());
        Self {
            child,
            stdin: Some(stdin),
            stdout,
            rest: job.bytes,
            job,
            started: Instant::now(),
            greeted,
        }
    }

    /// Reads so many bytes as there are places.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), Failed> {
        let mut rest = buffer;
        while !rest.is_empty() {
            self.listen()?;
            match rustix::io::read(&self.stdout, &mut *rest) {
                Ok(0) => return Err(self.ended()),
                Ok(read) => rest = rest.get_mut(read..).unwrap_or_default(),
                Err(Errno::AGAIN | Errno::INTR) => {}
                Err(_) => return Err(WorkerFault::BrokeOff.into()),
            }
        }
        Ok(())
    }

    /// Reads a payload, if it is not longer than it may be.
    fn payload(&mut self, len: u64, max: u64) -> Result<Vec<u8>, Failed> {
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        if usize::try_from(max).is_ok_and(|max| max < len) {
            return Err(WorkerFault::BrokeOff.into());
        }
        let mut payload = Vec::new();
        while payload.len() < len {
            let missing = len.saturating_sub(payload.len());
            let room = missing.min(payload.len().max(FIRST_READ));
            if payload.try_reserve(room).is_err() {
                return Err(Failed::Starved(Starved::Memory));
            }
            self.listen()?;
            match rustix::io::read(&self.stdout, spare_capacity(&mut payload)) {
                Ok(0) => return Err(self.ended()),
                Ok(_) | Err(Errno::AGAIN | Errno::INTR) => {}
                Err(_) => return Err(WorkerFault::BrokeOff.into()),
            }
        }
        // What follows an answer is nothing to anybody.
        payload.truncate(len);
        Ok(payload)
    }

    /// Waits until the child says something; tells it the rest meanwhile.
    fn listen(&mut self) -> Result<(), Failed> {
        loop {
            let wait = self.until().saturating_duration_since(Instant::now());
            if wait.is_zero() {
                return Err(self.late());
            }
            let stdin = self.stdin.as_ref().map(AsFd::as_fd);
            let [leash, stdout, stdin] = polled(
                [
                    (self.job.leash.as_fd(), PollFlags::IN),
                    (self.stdout.as_fd(), PollFlags::IN),
                    (stdin.unwrap_or(self.stdout.as_fd()), PollFlags::OUT),
                ],
                wait,
            );
            if leash {
                return Err(Failed::Abandoned);
            }
            if stdin {
                self.tell();
            }
            if stdout {
                return Ok(());
            }
        }
    }

    /// When waiting for the next word ends.
    fn until(&self) -> Instant {
        if self.greeted {
            return self.job.deadline;
        }
        self.job.deadline.min(self.started + HELLO_WAIT)
    }

    /// Tells as much of the rest as there is room for.
    fn tell(&mut self) {
        let Some(stdin) = &self.stdin else {
            return;
        };
        match rustix::io::write(stdin, self.rest) {
            Ok(written) => self.rest = self.rest.get(written..).unwrap_or_default(),
            Err(Errno::AGAIN | Errno::INTR) => return,
            // It does not listen any longer; what it says is still heard.
            Err(_) => self.rest = &[],
        }
        if self.rest.is_empty() {
            self.stdin = None;
        }
    }

    /// What it means that the child said nothing in time.
    fn late(&self) -> Failed {
        if Instant::now() < self.job.deadline {
            return WorkerFault::NotAWorker.into();
        }
        let wall = Duration::from_millis(self.job.limits.compile_wall_ms);
        // One that has not said yet that it is a worker has had none of it.
        let had = match self.greeted {
            true => self.started.elapsed(),
            false => Duration::ZERO,
        };
        blame::late(ProcessTime::of(self.child.0.id()), had, wall)
    }

    /// What it means that the child closed its output.
    fn ended(&mut self) -> Failed {
        let status = self.exit_status();
        let signal = status.and_then(|status| status.signal());
        match signal.and_then(Signal::from_named_raw) {
            _ if !self.greeted => WorkerFault::NotAWorker.into(),
            Some(Signal::XCPU) => Failed::Limit(LimitName::CompileCpu),
            // An allocation failed.
            Some(Signal::ABORT) => Failed::Limit(LimitName::CompileMemory),
            // Not by us: the system was short of memory, most likely.
            Some(Signal::KILL) => Failed::Starved(Starved::Memory),
            Some(
                Signal::ILL | Signal::TRAP | Signal::BUS | Signal::FPE | Signal::SEGV | Signal::SYS,
            ) => Failed::cannot_take(),
            _ => WorkerFault::BrokeOff.into(),
        }
    }

    fn exit_status(&mut self) -> Option<ExitStatus> {
        let until = Instant::now() + EXIT_WAIT;
        while Instant::now() < until {
            if let Ok(Some(status)) = self.child.0.try_wait() {
                return Some(status);
            }
            let [leash] = polled([(self.job.leash.as_fd(), PollFlags::IN)], EXIT_LOOK);
            if leash {
                break;
            }
        }
        None
    }
}

/// Waits for one of these descriptors, and tells which are ready, or closed.
fn polled<const N: usize>(wanted: [(BorrowedFd<'_>, PollFlags); N], wait: Duration) -> [bool; N] {
    let mut polled = wanted.map(|(fd, flags)| PollFd::from_borrowed_fd(fd, flags));
    let wait = Timespec::try_from(wait).ok();
    // Interrupted, or timed out: nothing is ready.
    let _ = poll(&mut polled, wait.as_ref());
    polled.map(|fd| !fd.revents().is_empty())
}
