//! Binaries that would cost a compiler minutes and gigabytes. Each is refused
//! before it is compiled; with its limit raised, and nothing else, it loads.

use std::time::{Duration, Instant};

use patinox::{Config, Failure as _, Host, LimitName, LoadLimits};

use crate::support::{self, Neighbour, forge, process, soon};

/// A limit of loading and a binary that is beyond it.
struct Bomb {
    limit: LimitName,
    component: Vec<u8>,
    /// A value that refuses it.
    refuses: u64,
    /// A value that does not.
    lifted: u64,
}

/// One for each limit of loading. A limit that has none does not compile.
fn bombs(defaults: LoadLimits) -> Vec<Bomb> {
    let LoadLimits {
        file_bytes,
        functions,
        nesting,
        all_instances,
        compile_wall_ms,
        compile_cpu_ms,
        compile_memory_bytes,
    } = defaults;
    let bomb = |limit, component, refuses, lifted| Bomb {
        limit,
        component,
        refuses,
        lifted,
    };
    vec![
        bomb(LimitName::File, forge::echo(), 100, file_bytes),
        bomb(LimitName::Functions, many_functions(200), 100, functions),
        bomb(
            LimitName::Nesting,
            nested(usize_of(nesting)),
            nesting,
            nesting + 2,
        ),
        // 15 × 15, from two small components.
        bomb(
            LimitName::AllInstances,
            multiplied(&[15, 15]),
            all_instances,
            300,
        ),
        bomb(
            LimitName::CompileWall,
            forge::slow_to_compile(),
            500,
            compile_wall_ms,
        ),
        bomb(
            LimitName::CompileCpu,
            forge::slow_to_compile(),
            1_000,
            compile_cpu_ms,
        ),
        bomb(
            LimitName::CompileMemory,
            forge::large_to_compile(),
            256 << 20,
            compile_memory_bytes,
        ),
    ]
}

fn usize_of(number: u64) -> usize {
    usize::try_from(number).expect("a small number")
}

/// An empty core module with many functions, never instantiated.
pub(super) fn many_functions(count: usize) -> Vec<u8> {
    let functions = "(func)".repeat(count);
    forge::component(&format!("(component (core module {functions}) {TOOL})"))
}

/// A memory of one byte that is written so many times.
pub(super) fn many_segments(count: usize) -> Vec<u8> {
    let segments = r#"(data (i32.const 0) "x")"#.repeat(count);
    forge::component(&format!(
        "(component (core module (memory 1) {segments}) {TOOL})"
    ))
}

/// A tool, so that what is not refused loads.
const TOOL: &str = r#"(core module $m (func (export "run")))
    (core instance $i (instantiate $m))
    (func (export "run") (canon lift (core func $i "run")))"#;

/// Components inside one another: with the outermost and its innermost module
/// one level more than `depth`.
fn nested(depth: usize) -> Vec<u8> {
    let (open, close) = ("(component ".repeat(depth), ")".repeat(depth));
    forge::component(&format!("{open}{TOOL}{close}"))
        .into_iter()
        .collect()
}

/// Components that instantiate the one inside them so many times each, so that
/// the innermost module has the product of all as instances.
pub(super) fn multiplied(times: &[usize]) -> Vec<u8> {
    let mut inner = "(core module $m) (core instance (instantiate $m))".to_owned();
    for count in times {
        let instances = "(instance (instantiate $c))".repeat(*count);
        inner = format!("(component $c {inner}) {instances}");
    }
    forge::component(&format!("(component {inner} {TOOL})"))
}

fn host(load: LoadLimits) -> Host {
    let config = Config {
        load,
        ..support::config()
    };
    Host::new(config).expect("a host")
}

fn limits(name: LimitName, value: u64) -> LoadLimits {
    let mut limits = LoadLimits::default();
    let value = name.quantity(value).to_string();
    limits.set(name.as_str(), &value).expect("a value in range");
    limits
}

#[tokio::test(flavor = "multi_thread")]
async fn every_limit_of_loading_refuses_its_bomb_and_no_other() {
    for bomb in bombs(LoadLimits::default()) {
        let strict = host(limits(bomb.limit, bomb.refuses));
        let refused = soon(strict.load(bomb.component.clone())).await;
        let refused = refused.expect_err("it is beyond the limit");
        assert_eq!(refused.code().as_str(), bomb.limit.code(), "{refused}");
        let lifted = host(limits(bomb.limit, bomb.lifted));
        let loaded = soon(lifted.load(bomb.component)).await;
        // Nested as deep as this, its tool lies inside and cannot be called.
        if let Err(error) = loaded {
            assert_eq!(error.code().as_str(), "component/unsupported", "{error}");
        }
    }
}

#[track_caller]
fn refused(component: Vec<u8>, message: &str) -> impl Future<Output = ()> {
    /// What refusing may take, ten times over for a machine that is busy and a
    /// build that is not optimised.
    const AT_ONCE: Duration = Duration::from_secs(2);
    /// Memory that refusing may take beside the component's own bytes.
    const MEMORY: u64 = 64 << 20;
    let caller = std::panic::Location::caller();
    async move {
        let host = host(LoadLimits::default());
        process::forget_peak();
        let before = process::resident();
        let start = Instant::now();
        let error = soon(host.load(component)).await.expect_err("a bomb");
        let took = start.elapsed();
        let memory = process::resident_peak().saturating_sub(before);
        assert_eq!(error.to_string(), message, "{caller}");
        assert!(took < AT_ONCE, "{caller}: {took:?}");
        assert!(memory < MEMORY, "{caller}: {memory} bytes");
        Neighbour::of(&host).await.still_answers(4).await;
    }
}

#[tokio::test]
async fn instances_that_multiply() {
    let message = "limit `all-instances` of 200 reached, 256 spent";
    refused(multiplied(&[8; 9]), message).await;
}

#[tokio::test]
async fn a_hundred_thousand_functions() {
    let message = "limit `functions` of 100k reached, 100001 spent";
    refused(many_functions(100_001), message).await;
}

#[tokio::test]
async fn types_without_end() {
    let types = "(type (func))".repeat(60_000);
    let component = forge::component(&format!("(component (core module {types}) {TOOL})"));
    refused(
        component,
        "the component is too large: 60000 types, at most 50000",
    )
    .await;
}

#[tokio::test]
async fn a_branch_to_everywhere() {
    let targets = "0 ".repeat(60_000);
    let body = format!("(func (block (br_table {targets} (i32.const 0))))");
    let component = forge::component(&format!("(component (core module {body}) {TOOL})"));
    let message = "the component is too large: 59999 targets of one `br_table`, at most 10000";
    refused(component, message).await;
}

#[tokio::test]
async fn fifty_thousand_locals() {
    let locals = format!("(func (local {}))", "i64 ".repeat(50_000));
    let component = forge::component(&format!("(component (core module {locals}) {TOOL})"));
    let message = "the component is too large: 50000 locals of one function, at most 10000";
    refused(component, message).await;
}

#[tokio::test]
async fn a_function_of_megabytes() {
    let body = format!("(func {})", "nop ".repeat(2 << 20));
    let component = forge::component(&format!("(component (core module {body}) {TOOL})"));
    let message = "the component is too large: 2097154 bytes of one function, at most 1048576";
    refused(component, message).await;
}

#[tokio::test]
async fn a_name_of_a_hundred_kilobytes() {
    let name = "n".repeat(100_000);
    let module = format!(r#"(core module (func (export "{name}")))"#);
    let component = forge::component(&format!("(component {module} {TOOL})"));
    let message = "the component is too large: 100000 bytes of a name, at most 1000";
    refused(component, message).await;
}

/// As large as a file may be, so that what reads it has all of it to read.
#[tokio::test]
async fn a_whole_file_of_types() {
    let mut component = b"\0asm\x0d\0\x01\0".to_vec();
    // A section of types that says how many it has, and has one.
    let size = (64_u32 << 20) - 14;
    component.push(7);
    component.extend(leb128(size));
    component.extend(leb128(u32::MAX));
    component.resize(64 << 20, 0);
    refused(
        component,
        "the component is too large: 4294967295 types, at most 50000",
    )
    .await;
}

/// A number of 32 bits in five bytes.
fn leb128(number: u32) -> [u8; 5] {
    let last = u8::try_from(number >> 28).expect("four bits");
    let group = |at: u32| u8::try_from(number >> (7 * at) & 0x7f).expect("seven bits") | 0x80;
    [group(0), group(1), group(2), group(3), last]
}

#[tokio::test]
async fn data_segments_without_end() {
    let message = "the component is too large: 30001 data segments, at most 30000";
    refused(many_segments(30_001), message).await;
}
