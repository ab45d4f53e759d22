//! `eval`, in Python.

use patinox::{Failure as _, Host, Limits};
use serde_json::{Value, json};

use super::Shipped;
use crate::support::{call_within, code, guests};

async fn value(eval: &Shipped, expression: &str, data: Value) -> Value {
    let arguments = json!({ "expression": expression, "data": data.to_string() });
    parsed(&eval.answer("expression", arguments).await)
}

async fn script(eval: &Shipped, script: &str) -> Value {
    let outcome = eval.answer("script", json!({ "script": script })).await;
    parsed(&outcome["value"])
}

fn parsed(value: &Value) -> Value {
    serde_json::from_str(value.as_str().expect("a text")).expect("JSON")
}

#[tokio::test]
async fn an_expression_has_a_value() {
    let Some(eval) = Shipped::new("eval").await else {
        return;
    };
    assert_eq!(value(&eval, "1+1", json!(null)).await, 2);
    assert_eq!(
        value(&eval, "[x * 2 for x in data]", json!([1, 2])).await,
        json!([2, 4])
    );
    assert_eq!(value(&eval, "data is None", json!(null)).await, true);
    let large = eval
        .answer("expression", json!({ "expression": "2 ** 70" }))
        .await;
    assert_eq!(large, "1180591620717411303424");
    assert_eq!(
        value(&eval, "{'ü', 'a'}", json!(null)).await,
        json!(["a", "ü"])
    );
    let mean = "statistics.mean(row['price'] for row in data)";
    assert_eq!(
        value(&eval, mean, json!([{ "price": 1 }, { "price": 4 }])).await,
        2.5
    );
}

#[tokio::test]
async fn typical_jobs_of_data() {
    let Some(eval) = Shipped::new("eval").await else {
        return;
    };
    let table = "import csv, io\n\
                 rows = csv.DictReader(io.StringIO('name,price\\ntea,4\\n\"ice, big\",2.5\\n'))\n\
                 result = [{**row, 'price': float(row['price'])} for row in rows]";
    let rows = json!([{ "name": "tea", "price": 4.0 }, { "name": "ice, big", "price": 2.5 }]);
    assert_eq!(script(&eval, table).await, rows);
    let dates = "from datetime import date, timedelta\n\
                 result = [date(2024, 2, 28) + timedelta(days=n) for n in range(3)]";
    assert_eq!(
        script(&eval, dates).await,
        json!(["2024-02-28", "2024-02-29", "2024-03-01"])
    );
    let numbers = "import statistics as s\n\
                   d = [3, 1, 4, 1, 5, 9, 2, 6]\n\
                   result = [s.mean(d), s.median(d), round(s.stdev(d), 3), s.mode(d)]";
    assert_eq!(script(&eval, numbers).await, json!([3.875, 3.5, 2.748, 1]));
    let pattern = "import re\n\
                   result = re.findall(r'(\\w+)@(\\w+)\\.org', 'ada@x.org, bob@y.org')";
    assert_eq!(
        script(&eval, pattern).await,
        json!([["ada", "x"], ["bob", "y"]])
    );
}

/// The standard library as far as it needs no system: what a script imports is
/// there.
#[tokio::test]
async fn the_standard_library_is_there() {
    let Some(eval) = Shipped::new("eval").await else {
        return;
    };
    for module in [
        "base64",
        "bisect",
        "calendar",
        "copy",
        "dataclasses",
        "difflib",
        "enum",
        "functools",
        "hashlib",
        "heapq",
        "html",
        "ipaddress",
        "operator",
        "pprint",
        "secrets",
        "time",
        "tomllib",
        "typing",
        "unicodedata",
        "urllib.parse",
        "uuid",
        "xml.etree.ElementTree",
        "zoneinfo",
    ] {
        let text = format!("import {module}\nresult = 7");
        assert_eq!(script(&eval, &text).await, 7, "{module}");
    }
}

#[tokio::test]
async fn a_script_tells_what_it_printed() {
    let Some(eval) = Shipped::new("eval").await else {
        return;
    };
    let text = "print('one')\nprint('two', end='')";
    let outcome = eval.answer("script", json!({ "script": text })).await;
    assert_eq!(outcome, json!({ "value": "null", "output": "one\ntwo" }));
}

/// Each call has an interpreter of its own.
#[tokio::test]
async fn nothing_of_one_call_is_seen_by_the_next() {
    let Some(eval) = Shipped::new("eval").await else {
        return;
    };
    let leave = "import builtins, math\nbuiltins.left = 1\nmath.pi = 3\nresult = 1";
    assert_eq!(script(&eval, leave).await, 1);
    let look = "import builtins, math\nresult = [hasattr(builtins, 'left'), math.pi > 3.1]";
    assert_eq!(script(&eval, look).await, json!([false, true]));
    let draw = "import random\nresult = random.random()";
    assert_ne!(script(&eval, draw).await, script(&eval, draw).await);
}

#[tokio::test]
async fn what_a_script_raises_is_told_with_its_line() {
    let Some(eval) = Shipped::new("eval").await else {
        return;
    };
    let error = async |text: &str| eval.error("script", json!({ "script": text })).await;
    insta::assert_snapshot!(error("a = 1\nb = a / 0").await, @"component/error: the tool failed: line 2: ZeroDivisionError: division by zero");
    insta::assert_snapshot!(error("x = (1,").await, @"component/error: the tool failed: line 1: SyntaxError: '(' was never closed");
    insta::assert_snapshot!(error("import sys\nsys.exit(3)").await, @"component/error: the tool failed: line 2: SystemExit: 3");
    insta::assert_snapshot!(error("open('/etc/passwd')").await, @"policy/denied: reading `/etc` is not granted, and then the tool failed: line 1: FileNotFoundError: [Errno 44] No such file or directory: '/etc/passwd'");
    insta::assert_snapshot!(error("def f(): f()\nf()").await, @"component/error: the tool failed: line 1: RecursionError: maximum recursion depth exceeded");
    insta::assert_snapshot!(error("result = float('nan')").await, @"component/error: the tool failed: ValueError: Out of range float values are not JSON compliant: nan");
    insta::assert_snapshot!(error("raise ValueError('\\x1b[2J')").await, @r"component/error: the tool failed: line 1: ValueError: \u{1b}[2J");
    insta::assert_snapshot!(error("raise ValueError('x' * 100000)").await.len().to_string(), @"3874");
    let data = json!({ "expression": "data", "data": "{" });
    insta::assert_snapshot!(eval.error("expression", data).await, @"component/error: the tool failed: `data` is not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)");
}

/// A script ends by the host's limits, whatever it catches.
#[tokio::test]
async fn a_script_ends_by_the_limits() {
    let Some(eval) = Shipped::new("eval").await else {
        return;
    };
    let limits = Limits {
        wall_ms: 300,
        ..Limits::default()
    };
    for (text, ends) in [
        ("while True: pass", "limit/wall"),
        (
            "while True:\n try:\n  while True: pass\n except BaseException: pass",
            "limit/wall",
        ),
        (
            "x = [bytearray(10**7) for _ in range(1000)]",
            "limit/memory",
        ),
        // More than 32 bits count: no limit had to stop it.
        ("x = [0] * (10 ** 9)", "component/trap"),
    ] {
        let arguments = json!({ "script": text });
        let called = call_within(&eval.host, &eval.component, ("script", arguments), limits).await;
        assert_eq!(code(&called), ends, "{text}: {called:?}");
    }
    assert_eq!(script(&eval, "result = 7").await, 7);
}

/// Half a second of Python, and a table of half a megabyte.
#[tokio::test]
async fn typical_jobs_are_far_from_every_limit() {
    let Some(eval) = Shipped::new("eval").await else {
        return;
    };
    let table = "import csv, io, statistics\n\
                 text = 'id,price\\n' + ''.join(f'{n},{n % 97}.5\\n' for n in range(50_000))\n\
                 rows = list(csv.DictReader(io.StringIO(text)))\n\
                 result = statistics.fmean(float(row['price']) for row in rows)";
    let outcome = eval.typical("script", json!({ "script": table })).await;
    assert_eq!(
        parsed(&outcome["value"]).as_f64().map(f64::round),
        Some(48.0)
    );
}

/// Python is more than is compiled where nothing bounds that.
#[tokio::test]
async fn without_a_worker_it_is_refused_and_told_why() {
    let Some(eval) = guests::built("eval") else {
        return;
    };
    let host = Host::builder().build().expect("a host");
    let error = host.load(eval).await.expect_err("no worker");
    assert_eq!(error.code().as_str(), "limit/file");
    let said = error.to_string();
    let begins = "without a compile worker, limit `file` of 16MiB reached, ";
    assert!(said.starts_with(begins), "{said}");
    let hint = error.hint().unwrap_or_default();
    assert!(hint.contains("`patinox::compile_worker`"), "{hint}");
}
