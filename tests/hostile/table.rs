//! The attack table: one row an attack, named by its number in the suite of
//! the threat model, and what holds after each.
//!
//! Each row runs alone, then those of its group eight times at once, and all
//! rows of all groups eight times at once. Every time the neighbour's calls go
//! on beside it, and after it the process is as it was: memory, descriptors,
//! threads, tasks and slots. What an attack is told is ours, and the next
//! honest call of the same tool works.
//!
//! What stands elsewhere is not repeated: a host's memory for each type of a
//! result in `growth`, the bombs of O22 in `bombs` and `compile`, what the
//! probe of O14 sees in `host/probe`, prefixes and flips of O23 in
//! `host/loading` and `host/flips`.

mod abi;
mod again;
mod binaries;
mod computing;
mod field;
mod folders;
mod kept;
mod level;
mod memory;
mod planted;
mod row;
mod said;
mod storm;
mod values;
mod watch;

use std::time::Duration;

use field::Field;
use row::Row;

/// How many copies of an attack run at once.
const COPIES: usize = 8;

/// Runs each row alone, and then eight copies of each at once.
fn each(test: &str, rows: fn() -> Vec<Row>) {
    let work = async {
        let field = Field::new().await;
        let rows = field.ready(rows()).await;
        for row in &rows {
            field
                .withstands(row.row.name, std::slice::from_ref(row), 1)
                .await;
        }
        field.withstands("all of these", &rows, COPIES).await;
    };
    again::with(again::KEEPS_NOTHING, test, || on_two_cores(work));
}

/// Two workers for everybody, and threads that wait for no work for long.
fn on_two_cores(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_keep_alive(Duration::from_millis(100))
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(test);
}

#[test]
fn what_computes() {
    each("what_computes", computing::rows);
}

#[test]
fn what_takes_memory() {
    each("what_takes_memory", memory::rows);
}

#[test]
fn what_answers_or_says_too_much() {
    each("what_answers_or_says_too_much", values::rows);
}

#[test]
fn what_breaks_the_contract() {
    each("what_breaks_the_contract", abi::rows);
}

#[test]
fn what_takes_a_folder() {
    each("what_takes_a_folder", folders::rows);
}

#[test]
fn what_keeps_something() {
    each("what_keeps_something", kept::rows);
}

#[test]
fn what_is_no_component_of_ours() {
    each("what_is_no_component_of_ours", binaries::rows);
}

#[test]
fn all_of_them_at_once() {
    let work = async {
        let field = Field::new().await;
        let rows = field.ready(all()).await;
        field.withstands("all of them", &rows, COPIES).await;
    };
    let test = "all_of_them_at_once";
    again::with(again::KEEPS_NOTHING, test, || on_two_cores(work));
}

fn all() -> Vec<Row> {
    let all = [
        computing::rows(),
        memory::rows(),
        values::rows(),
        abi::rows(),
        binaries::rows(),
        folders::rows(),
        kept::rows(),
    ];
    all.into_iter().flatten().collect()
}

/// A number of the suite stands in one group of rows alone, and no name twice.
#[test]
fn a_row_has_a_name_of_its_own() {
    let all = all();
    let mut names: Vec<_> = all.iter().map(|row| row.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all.len());
}
