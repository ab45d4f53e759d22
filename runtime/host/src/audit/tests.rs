use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use super::*;

const NOW: SystemTime = SystemTime::UNIX_EPOCH;

fn log() -> (tempfile::TempDir, AuditLog) {
    let whole = tempfile::tempdir().unwrap();
    let log = AuditLog::in_folder(whole.path().join("state/audit"));
    (whole, log)
}

fn granted(component: &str) -> AuditEvent {
    AuditEvent::of_program(Change::Granted, component, &"env=A=s3cr3t".parse().unwrap())
}

fn components(log: &AuditLog, most: usize) -> Vec<String> {
    let (records, damaged) = log.last(most, |_| true).unwrap();
    assert_eq!(damaged, 0);
    let name = |record: &Value| record["component"].as_str().unwrap().to_owned();
    records.iter().map(name).collect()
}

#[test]
fn what_is_written_down_is_read_in_its_order() {
    let (_whole, log) = log();
    assert_eq!(log.last(9, |_| true).unwrap(), (vec![], 0));
    assert!(!log.folder.exists());
    for name in ["a", "b", "c"] {
        log.append(NOW + Duration::from_millis(7), &granted(name))
            .unwrap();
    }
    assert_eq!(components(&log, 9), ["a", "b", "c"]);
    assert_eq!(components(&log, 2), ["b", "c"]);
    let (b, _) = log.last(9, |record| record["component"] == "b").unwrap();
    assert_eq!(
        (b.len(), &b[0]["at_ms"], &b[0]["change"]),
        (1, &7.into(), &"granted".into())
    );
    let text = std::fs::read_to_string(log.folder.join(FILE)).unwrap();
    assert!(
        !text.contains("s3cr3t") && text.contains("env=A=…"),
        "{text}"
    );
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode(&log.folder), mode(&log.folder.join(FILE))),
        (0o700, 0o600)
    );
}

#[test]
fn half_a_line_hides_no_other() {
    let (_whole, log) = log();
    log.append(NOW, &granted("a")).unwrap();
    let file = log.folder.join(FILE);
    let mut text = std::fs::read(&file).unwrap();
    text.extend_from_slice(b"{\"at_ms\":1,\"event\":\"gra");
    std::fs::write(&file, &text).unwrap();
    log.append(NOW, &granted("b")).unwrap();
    std::fs::write(
        &file,
        [
            std::fs::read(&file).unwrap().as_slice(),
            b"\xff\n[]\n\n{\"at_ms\":1}\n",
        ]
        .concat(),
    )
    .unwrap();
    log.append(NOW, &granted("c")).unwrap();
    let (records, damaged) = log.last(9, |_| true).unwrap();
    assert_eq!((records.len(), damaged), (3, 4));
}

#[test]
fn a_large_file_is_put_aside_and_read_before_the_next() {
    let (_whole, log) = log();
    log.check().unwrap();
    let line = format!(
        "{{\"at_ms\":1,\"event\":\"grant\",\"component\":\"old\"{}}}\n",
        " ".repeat(1_000_000)
    );
    for _ in 0..2 {
        let lines = line.repeat(34);
        assert!(MAX_FILE_BYTES <= lines.len() as u64);
        std::fs::write(log.folder.join(FILE), lines).unwrap();
        // At the same moment: neither is lost.
        log.append(NOW, &granted("new")).unwrap();
    }
    assert_eq!(log.files().unwrap().len(), 3);
    let all = components(&log, 100);
    assert_eq!((all.len(), all.last().unwrap().as_str()), (69, "new"));
    assert_eq!(all.iter().filter(|name| *name == "old").count(), 68);
}

#[test]
fn many_write_at_once_and_no_line_is_lost() {
    let (_whole, log) = log();
    std::thread::scope(|threads| {
        for thread in 0..10 {
            let log = &log;
            threads.spawn(move || {
                for number in 0..50 {
                    log.append(NOW, &granted(&format!("{thread}-{number}")))
                        .unwrap();
                }
            });
        }
    });
    let mut all = components(&log, 1_000);
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 500);
}

#[test]
fn a_file_of_somebody_elses_is_not_written_to() {
    let (whole, log) = log();
    log.check().unwrap();
    let file = log.folder.join(FILE);
    std::fs::remove_file(&file).unwrap();
    let other = whole.path().join("other");
    std::fs::write(&other, "x").unwrap();
    std::os::unix::fs::symlink(&other, &file).unwrap();
    let error = log.append(NOW, &granted("a")).unwrap_err();
    assert_eq!(error.code(), Code::Unreadable);
    assert_eq!(std::fs::read(&other).unwrap(), b"x");
    std::fs::remove_file(&file).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, &file, Mode::RWXU).unwrap();
    assert!(log.append(NOW, &granted("a")).is_err());
    std::fs::remove_file(&file).unwrap();
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&log.folder, open).unwrap();
    assert!(log.append(NOW, &granted("a")).is_err());
}
