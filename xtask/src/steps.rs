//! Steps, one after the other, and the seconds that each took.

use std::io::{self, Write as _};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

/// What has run so far.
#[derive(Default)]
pub(crate) struct Steps(Vec<(&'static str, Duration)>);

impl Steps {
    /// Runs a command as a step; it fails if the command does.
    pub(crate) fn command(
        &mut self,
        name: &'static str,
        mut command: Command,
    ) -> anyhow::Result<()> {
        let line = line(&command);
        self.work(name, &line, || {
            let status = command.status().with_context(|| format!("`{line}`"))?;
            if !status.success() {
                bail!("`{line}` failed: {status}");
            }
            Ok(())
        })
    }

    /// Runs a function as a step.
    pub(crate) fn work<T>(
        &mut self,
        name: &'static str,
        about: &str,
        work: impl FnOnce() -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        println!("==> {name}: {about}");
        // The command writes to the same place.
        io::stdout().flush()?;
        let start = Instant::now();
        let result = work();
        self.0.push((name, start.elapsed()));
        result.with_context(|| format!("step `{name}`"))
    }

    /// Prints how long each step took.
    pub(crate) fn print_summary(&self) {
        for (name, took) in &self.0 {
            println!("{:>8.1} s  {name}", took.as_secs_f64());
        }
        if 1 < self.0.len() {
            let all: Duration = self.0.iter().map(|(_, took)| *took).sum();
            println!("{:>8.1} s  in all", all.as_secs_f64());
        }
    }
}

/// A command as somebody would type it.
fn line(command: &Command) -> String {
    let program = command.get_program().to_string_lossy();
    let name = program.rsplit('/').next().unwrap_or_default();
    let mut line = name.to_owned();
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_command_is_named_and_counted() {
        let mut steps = Steps::default();
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "exit 3"]);
        let error = steps.command("clippy", command).unwrap_err();
        assert_eq!(
            format!("{error:#}"),
            "step `clippy`: `sh -c exit 3` failed: exit status: 3"
        );
        assert_eq!(steps.0.len(), 1);
    }
}
