//! How much of the host's own code its tests run.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};
use patinox_toolchain::versions::CARGO_LLVM_COV;
use serde_json::Value;

use crate::shell::{cargo, command, root};
use crate::steps::Steps;
use crate::{setup, tools};

/// The last figures, a crate a line.
const RECORDED: &str = "xtask/coverage.txt";

/// So much less than before is chance: tests of the machine take other ways on
/// another one.
const CHANCE: f64 = 0.5;

/// Lines that were run, and all.
type Lines = (u64, u64);

/// Runs the tests with every line counted, tells how many were run, and compares
/// that with the last time. Arguments go to the runner: `-p patinox-telemetry`.
pub(crate) fn run(steps: &mut Steps, arguments: &[String]) -> anyhow::Result<()> {
    let version = llvm_version()?;
    setup::profiles(steps, &version)?;
    tools::install(steps, "llvm-cov", CARGO_LLVM_COV)?;
    let is_all = arguments.is_empty();
    if is_all {
        crate::test::guests(steps)?;
    }
    let report = root().join("target/coverage.json");
    // Some processes are killed while they write what they ran.
    let report_is = "--failure-mode all --json --summary-only --output-path";
    let mut tests = cargo(&format!("llvm-cov nextest --locked {report_is}"));
    tests.arg(&report);
    if is_all {
        tests.arg("--workspace");
    }
    for (name, program) in [("LLVM_COV", "llvm-cov"), ("LLVM_PROFDATA", "llvm-profdata")] {
        tests.env(name, format!("{program}-{version}"));
    }
    tests.args(arguments);
    steps.command("tests, counted", tests)?;
    let report = fs::read_to_string(&report).context("the report")?;
    let report = serde_json::from_str(&report).context("the report")?;
    let crates = by_crate(&report);
    print!("{}", table(&crates));
    let recorded = root().join(RECORDED);
    compare(&crates, &fs::read_to_string(&recorded).unwrap_or_default())?;
    if is_all {
        fs::write(&recorded, table(&crates))?;
    }
    Ok(())
}

/// That of the compiler, whose profiles only tools of the same version read.
fn llvm_version() -> anyhow::Result<String> {
    let output = command("rustc", ["-vV"]).output().context("`rustc -vV`")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let version = text
        .lines()
        .find_map(|line| line.strip_prefix("LLVM version: "));
    let major = version.and_then(|version| version.split('.').next());
    let major = major.context("`rustc -vV` tells no version of LLVM")?;
    Ok(major.to_owned())
}

/// The lines of each crate of the host, tests beside the code left out: a test that
/// runs says nothing of itself.
fn by_crate(report: &Value) -> BTreeMap<String, Lines> {
    let runtime = root().join("runtime");
    let mut crates = BTreeMap::<_, Lines>::new();
    let files = report.pointer("/data/0/files").and_then(Value::as_array);
    for file in files.into_iter().flatten() {
        let number = |name| {
            let lines = file.pointer("/summary/lines");
            lines.and_then(|lines| lines.get(name)?.as_u64())
        };
        let name = file.get("filename").and_then(Value::as_str);
        let below = name.and_then(|name| Path::new(name).strip_prefix(&runtime).ok());
        let Some(below) = below.filter(|below| !is_test(below)) else {
            continue;
        };
        let folder = below.components().next();
        let (Some(folder), Some(run), Some(all)) = (folder, number("covered"), number("count"))
        else {
            continue;
        };
        for name in [folder.as_os_str().to_string_lossy().as_ref(), "all"] {
            let lines = crates.entry(name.to_owned()).or_default();
            lines.0 += run;
            lines.1 += all;
        }
    }
    crates
}

fn is_test(path: &Path) -> bool {
    let is_tests = |part: std::path::Component<'_>| {
        let name = Path::new(part.as_os_str());
        name.file_stem().is_some_and(|stem| stem == "tests")
    };
    path.components().any(is_tests)
}

fn percent((run, all): Lines) -> f64 {
    // Lines of code are few.
    let number = |lines| f64::from(u32::try_from(lines).unwrap_or(u32::MAX));
    100.0 * number(run) / number(all).max(1.0)
}

fn table(crates: &BTreeMap<String, Lines>) -> String {
    let mut table = String::new();
    for (name, lines) in crates {
        let (run, all) = lines;
        let _ = writeln!(
            table,
            "{name:<12}{:>6.2} % of {all:>6}: {run}",
            percent(*lines)
        );
    }
    table
}

/// Fails where fewer lines are run than were once.
fn compare(crates: &BTreeMap<String, Lines>, recorded: &str) -> anyhow::Result<()> {
    for line in recorded.lines() {
        let mut words = line.split_whitespace();
        let (Some(name), Some(before)) = (words.next(), words.next()) else {
            continue;
        };
        let before: f64 = before
            .parse()
            .with_context(|| format!("`{RECORDED}`: `{line}`"))?;
        let now = crates.get(name).copied().map(percent);
        if let Some(now) = now
            && now + CHANCE < before
        {
            bail!("{name}: {now:.2} % of the lines are run, and {before:.2} % were");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn crates() -> BTreeMap<String, Lines> {
        let file = |name: &str, covered: u64, count: u64| {
            let name = root().join(name);
            json!({
                "filename": name,
                "summary": { "lines": { "covered": covered, "count": count } },
            })
        };
        let files = [
            file("runtime/host/src/host.rs", 8, 10),
            file("runtime/host/src/call.rs", 10, 10),
            file("runtime/host/src/call/tests.rs", 50, 50),
            file("runtime/host/src/tests/more.rs", 50, 50),
            file("runtime/tools/src/tool.rs", 1, 2),
            file("tests/host/call.rs", 70, 70),
        ];
        by_crate(&json!({ "data": [{ "files": files }] }))
    }

    #[test]
    fn lines_are_counted_by_crate_without_those_of_tests() {
        assert_eq!(
            table(&crates()),
            "all          86.36 % of     22: 19\n\
             host         90.00 % of     20: 18\n\
             tools        50.00 % of      2: 1\n"
        );
    }

    #[test]
    fn fewer_than_before_is_told() {
        assert!(compare(&crates(), &table(&crates())).is_ok());
        assert!(compare(&crates(), "").is_ok());
        assert!(compare(&crates(), "host 90.4 % of 20\ngone 99.0 % of 3\n").is_ok());
        let fewer = compare(&crates(), "host 90.6 % of 20\n").unwrap_err();
        let told = "host: 90.00 % of the lines are run, and 90.60 % were";
        assert_eq!(fewer.to_string(), told);
        assert!(compare(&crates(), "host much\n").is_err());
    }
}
