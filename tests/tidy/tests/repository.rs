//! Runs every rule on this repository.
//!
//! Each finding says file and line, the rule, and what to do.

use std::path::Path;
use std::sync::LazyLock;

use patinox_tidy::{Finding, Tree, crates, guests, length, limits, naming, readme, types, wit};

static TREE: LazyLock<Tree> =
    LazyLock::new(|| Tree::read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))));

#[track_caller]
fn check(findings: &[Finding]) {
    let text: Vec<_> = findings.iter().map(ToString::to_string).collect();
    assert!(
        text.is_empty(),
        "{} findings\n{}",
        text.len(),
        text.join("\n")
    );
}

#[test]
fn the_tree_is_this_repository() {
    assert!(TREE.has("tests/tidy/tests/repository.rs"));
}

#[test]
fn a_crate_depends_only_on_rows_below_it() {
    check(&crates::dependencies(&TREE));
}

#[test]
fn a_package_takes_what_the_workspace_says() {
    check(&crates::inherited(&TREE));
}

#[test]
fn a_crate_forbids_unsafe_code() {
    check(&crates::forbid_unsafe(&TREE));
}

#[test]
fn unsafe_code_is_in_one_file_alone() {
    check(&crates::unsafe_blocks(&TREE));
}

#[test]
fn what_has_one_place_is_named_only_there() {
    check(&naming::places(&TREE));
}

#[test]
fn what_belongs_nowhere_is_nowhere() {
    check(&naming::nowhere(&TREE));
}

#[test]
fn a_type_has_a_name_that_says_something() {
    check(&naming::type_names(&TREE));
}

#[test]
fn nothing_names_a_folder_of_one_machine() {
    check(&naming::machine_paths(&TREE));
}

#[test]
fn a_module_is_named_after_itself() {
    check(&length::module_files(&TREE));
}

#[test]
fn a_file_is_short() {
    check(&length::files(&TREE));
}

#[test]
fn a_function_is_short() {
    let (lengths, findings) = length::functions(&TREE);
    println!("{lengths:?}");
    check(&findings);
}

#[test]
fn an_item_of_the_contract_has_docs_and_a_gate() {
    check(&wit::items(&TREE));
}

#[test]
fn the_copied_packages_are_what_they_were() {
    check(&wit::dependencies(&TREE));
}

#[test]
fn an_attack_has_a_test() {
    check(&guests::attacks(&TREE));
}

#[test]
fn a_fixture_has_a_test() {
    check(&guests::fixtures(&TREE));
}

#[test]
fn the_built_components_are_what_they_were() {
    check(&guests::prebuilt(&TREE));
}

#[test]
fn what_a_newcomer_looks_for_is_there() {
    check(&readme::expected_files(&TREE));
}

#[test]
fn a_command_in_a_readme_exists() {
    check(&readme::commands(&TREE));
}

#[test]
fn the_tree_in_the_architecture_names_what_is_there() {
    check(&readme::source_tree(&TREE));
}

#[test]
fn a_link_leads_somewhere() {
    check(&readme::links(&TREE));
}

#[test]
fn the_limits_in_the_readme_are_the_defaults() {
    check(&limits::table(&TREE));
}

#[test]
fn the_page_of_types_names_what_is_exported() {
    check(&types::page(&TREE));
}
