//! Names for the functions of a plain component.

use std::collections::HashMap;

/// How far a name can be qualified: function, interface, package, version.
const MAX_QUALIFIERS: usize = 3;

/// A function by where it stands in the component.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    /// `patinox:text/analysis@0.1.0`; `None` for a function of the world.
    pub(crate) interface: Option<&'a str>,
    /// The function's own name.
    pub(crate) function: &'a str,
}

/// Names functions, each differently where that can be done.
///
/// A function is called by its own name. Where two share one, both get their
/// interface's before it, if that is not enough the package's, and at last the
/// version: `count`, `analysis.count`, `patinox.text.analysis.count`. A
/// function of the world has nothing to put before its name.
pub(crate) fn unique(places: &[Place<'_>]) -> Vec<String> {
    let mut qualifiers = vec![0_usize; places.len()];
    loop {
        let named = places.iter().zip(&qualifiers);
        let names: Vec<_> = named.map(|(place, count)| place.name(*count)).collect();
        let mut uses: HashMap<&str, usize> = HashMap::new();
        for name in &names {
            *uses.entry(name).or_default() += 1;
        }
        let mut changed = false;
        for ((place, count), name) in places.iter().zip(&mut qualifiers).zip(&names) {
            let clashes = uses.get(name.as_str()).is_some_and(|uses| *uses > 1);
            if clashes && place.interface.is_some() && *count < MAX_QUALIFIERS {
                *count += 1;
                changed = true;
            }
        }
        if !changed {
            return names;
        }
    }
}

impl Place<'_> {
    fn name(self, qualifiers: usize) -> String {
        let function = allowed(self.function);
        let interface = self.interface.unwrap_or_default();
        let (path, version) = interface.split_once('@').unwrap_or((interface, ""));
        let short = path.rsplit('/').next().unwrap_or(path);
        let (path, short, version) = (allowed(path), allowed(short), allowed(version));
        match qualifiers {
            0 => function,
            1 => format!("{short}.{function}"),
            2 => format!("{path}.{function}"),
            _ => format!("{path}.{version}.{function}"),
        }
    }
}

/// `ns:pkg/interface` becomes `ns.pkg.interface`; what else a tool's name
/// cannot hold becomes `-`.
fn allowed(text: &str) -> String {
    let one = |c: char| match c {
        ':' | '/' | '.' => '.',
        c if c.is_ascii_alphanumeric() || c == '_' => c,
        _ => '-',
    };
    text.chars().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(functions: &[(&str, &str)], expected: &[&str]) {
        let place = |(interface, function): &(&'static str, &'static str)| Place {
            interface: Some(*interface).filter(|name| !name.is_empty()),
            function,
        };
        let functions: Vec<(&'static str, &'static str)> = functions
            .iter()
            .map(|(a, b)| (&*a.to_string().leak(), &*b.to_string().leak()))
            .collect();
        let places: Vec<_> = functions.iter().map(place).collect();
        assert_eq!(unique(&places), expected);
    }

    #[test]
    fn a_function_is_called_by_its_own_name() {
        check(&[("", "run"), ("a:b/c@0.1.0", "go")], &["run", "go"]);
    }

    #[test]
    fn what_clashes_is_qualified_on_both_sides() {
        check(
            &[
                ("a:b/c@0.1.0", "run"),
                ("a:b/d@0.1.0", "run"),
                ("a:b/d@0.1.0", "go"),
            ],
            &["c.run", "d.run", "go"],
        );
        check(&[("", "run"), ("a:b/c", "run")], &["run", "c.run"]);
        check(
            &[("a:b/c", "run"), ("x:y/c", "run"), ("x:y/d", "run")],
            &["a.b.c.run", "x.y.c.run", "d.run"],
        );
        check(
            &[("a:b/c@0.1.0", "run"), ("a:b/c@0.2.0-rc.1+x", "run")],
            &["a.b.c.0.1.0.run", "a.b.c.0.2.0-rc.1-x.run"],
        );
    }
}
