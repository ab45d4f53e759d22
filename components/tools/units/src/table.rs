//! The units, as `units.txt` has them.

/// Units of one kind, which convert to one another.
pub(crate) struct Quantity {
    pub(crate) name: &'static str,
    pub(crate) units: Vec<Unit>,
}

/// One unit: what a value in it is, counted in the first one of its quantity.
pub(crate) struct Unit {
    pub(crate) name: &'static str,
    pub(crate) factor: f64,
    pub(crate) offset: f64,
}

/// The quantities, in the order of the file. A line that is no unit is left out.
pub(crate) fn read() -> Vec<Quantity> {
    let mut quantities = Vec::<Quantity>::new();
    for line in include_str!("../units.txt").lines() {
        let Some((name, unit)) = unit(line) else {
            continue;
        };
        match quantities.iter_mut().find(|quantity| quantity.name == name) {
            Some(quantity) => quantity.units.push(unit),
            None => quantities.push(Quantity {
                name,
                units: vec![unit],
            }),
        }
    }
    quantities
}

fn unit(line: &'static str) -> Option<(&'static str, Unit)> {
    let mut words = line.split(' ');
    let (quantity, name) = (words.next()?, words.next()?);
    let factor = words.next()?.parse().ok()?;
    let offset = words.next().map_or(Some(0.0), |word| word.parse().ok())?;
    let unit = Unit {
        name,
        factor,
        offset,
    };
    (quantity != "#").then_some((quantity, unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_unit_or_a_comment() {
        let lines = include_str!("../units.txt").lines();
        let units = lines.filter(|line| !line.starts_with('#')).count();
        let read: usize = read().iter().map(|quantity| quantity.units.len()).sum();
        assert_eq!(read, units);
    }

    #[test]
    fn a_quantity_is_counted_in_its_first_unit_and_has_no_unit_twice() {
        for Quantity { name, units } in read() {
            let first = &units[0];
            assert_eq!((first.factor, first.offset), (1.0, 0.0), "{name}");
            let mut names: Vec<_> = units.iter().map(|unit| unit.name).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), units.len(), "{name}");
        }
    }
}
