//! What a person asks of the screen.

use std::path::PathBuf;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::model::{Key, Sort};

/// The longest filter, in characters: no name is longer.
const MAX_FILTER: usize = 128;

/// By how many rows the pages are turned.
const PAGE: usize = 10;

/// What is shown, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    /// The socket of the host; that of the first where it is not there.
    pub(super) host: Option<PathBuf>,
    pub(super) sort: Sort,
    pub(super) filter: String,
    /// Whether the filter is being typed.
    pub(super) is_typing: bool,
    /// The first row that is shown.
    pub(super) first: usize,
    /// Whether he wants to leave.
    pub(super) is_over: bool,
}

impl State {
    /// Where the host that is shown stands among those that there are.
    pub(super) fn place(&self, hosts: &[PathBuf]) -> usize {
        let host = self.host.as_ref();
        let place = host.and_then(|host| hosts.iter().position(|other| other == host));
        place.unwrap_or(0)
    }

    pub(super) fn press(&mut self, key: KeyEvent, hosts: &[PathBuf]) {
        let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('c') if is_control => self.is_over = true,
            // What else is held down means something elsewhere, and nothing here.
            _ if is_control || key.modifiers.contains(KeyModifiers::ALT) => {}
            code if self.is_typing => self.type_filter(code),
            code => self.command(code, hosts),
        }
    }

    fn type_filter(&mut self, code: KeyCode) {
        match code {
            KeyCode::Enter => self.is_typing = false,
            KeyCode::Esc => {
                self.filter.clear();
                self.is_typing = false;
            }
            KeyCode::Backspace => {
                self.filter.pop();
            }
            KeyCode::Char(c) if self.filter.chars().count() < MAX_FILTER => self.filter.push(c),
            _ => {}
        }
        self.first = 0;
    }

    fn command(&mut self, code: KeyCode, hosts: &[PathBuf]) {
        match code {
            KeyCode::Char('q') => self.is_over = true,
            KeyCode::Esc if self.filter.is_empty() => self.is_over = true,
            KeyCode::Esc => self.filter.clear(),
            KeyCode::Char('/') => self.is_typing = true,
            KeyCode::Tab | KeyCode::Right => self.turn(hosts, 1),
            KeyCode::BackTab | KeyCode::Left => self.turn(hosts, hosts.len().saturating_sub(1)),
            KeyCode::Down | KeyCode::Char('j') => self.first = self.first.saturating_add(1),
            KeyCode::Up | KeyCode::Char('k') => self.first = self.first.saturating_sub(1),
            KeyCode::PageDown => self.first = self.first.saturating_add(PAGE),
            KeyCode::PageUp => self.first = self.first.saturating_sub(PAGE),
            KeyCode::Home => self.first = 0,
            KeyCode::Char('r') => self.sort.is_reversed = !self.sort.is_reversed,
            KeyCode::Char(c) => {
                if let Some(key) = sort_key(c) {
                    self.sort = Sort {
                        key,
                        is_reversed: false,
                    };
                    self.first = 0;
                }
            }
            _ => {}
        }
    }

    /// Goes on by so many hosts, and around.
    fn turn(&mut self, hosts: &[PathBuf], by: usize) {
        let next = (self.place(hosts) + by).checked_rem(hosts.len());
        self.host = next.and_then(|next| hosts.get(next).cloned());
        self.first = 0;
    }
}

const fn sort_key(c: char) -> Option<Key> {
    match c {
        'c' => Some(Key::Calls),
        's' => Some(Key::Rate),
        'e' => Some(Key::Errors),
        'p' => Some(Key::P95),
        'f' => Some(Key::Fuel),
        'm' => Some(Key::Memory),
        'n' => Some(Key::Name),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of these keys, one after the other.
    fn pressed(codes: &[KeyCode]) -> State {
        let hosts = ["a", "b", "c"].map(PathBuf::from);
        let mut state = State::default();
        for code in codes {
            state.press(KeyEvent::new(*code, KeyModifiers::NONE), &hosts);
        }
        state
    }

    fn typed(text: &str) -> Vec<KeyCode> {
        text.chars().map(KeyCode::Char).collect()
    }

    #[test]
    fn hosts_go_around() {
        let host = |codes: &[KeyCode]| {
            let host = pressed(codes).host.expect("a host");
            host.to_string_lossy().into_owned()
        };
        assert_eq!(host(&[KeyCode::Tab]), "b");
        assert_eq!(host(&[KeyCode::Right, KeyCode::Tab, KeyCode::Tab]), "a");
        assert_eq!(host(&[KeyCode::Left]), "c");
        assert_eq!(host(&[KeyCode::BackTab, KeyCode::BackTab]), "b");
        // Where there is none nothing happens.
        let mut state = State::default();
        state.press(KeyEvent::new(KeyCode::Tab, KeyModifiers::NONE), &[]);
        assert_eq!(state, State::default());
    }

    #[test]
    fn a_host_that_goes_leaves_the_first() {
        let state = pressed(&[KeyCode::Left]);
        assert_eq!(state.place(&["a", "b", "c"].map(PathBuf::from)), 2);
        assert_eq!(state.place(&["a", "b"].map(PathBuf::from)), 0);
    }

    #[test]
    fn rows_are_sorted_and_turned_round() {
        let sort = |text: &str| pressed(&typed(text)).sort;
        assert_eq!(sort("").key, Key::Calls);
        let keys = ["s", "e", "p", "f", "m", "n", "c"].map(|key| sort(key).key.as_str());
        assert_eq!(
            keys,
            [
                "calls/s", "errors", "p95", "fuel", "memory", "name", "calls"
            ]
        );
        assert!(sort("er").is_reversed && !sort("err").is_reversed);
        // Another order begins as it should.
        assert!(!sort("ern").is_reversed);
        assert_eq!(sort("xyz?"), Sort::default());
    }

    #[test]
    fn a_filter_is_typed_kept_and_put_away() {
        let mut codes = typed("/quo c");
        let state = pressed(&codes);
        assert_eq!((state.filter.as_str(), state.is_typing), ("quo c", true));
        codes.push(KeyCode::Backspace);
        codes.push(KeyCode::Enter);
        let state = pressed(&codes);
        assert_eq!((state.filter.as_str(), state.is_typing), ("quo ", false));
        // The first puts the filter away, the second leaves.
        codes.push(KeyCode::Esc);
        let state = pressed(&codes);
        assert_eq!((state.filter.as_str(), state.is_over), ("", false));
        codes.push(KeyCode::Esc);
        assert!(pressed(&codes).is_over);
        let given_up = [typed("/abc"), vec![KeyCode::Esc]].concat();
        let state = pressed(&given_up);
        assert_eq!(
            (state.filter.as_str(), state.is_typing, state.is_over),
            ("", false, false)
        );
        let endless = pressed(&typed(&format!("/{}", "x".repeat(1_000))));
        assert_eq!(endless.filter.len(), MAX_FILTER);
    }

    #[test]
    fn there_are_three_ways_to_leave() {
        assert!(pressed(&typed("q")).is_over);
        assert!(pressed(&[KeyCode::Esc]).is_over);
        let control_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        for before in ["", "/text"] {
            let mut state = pressed(&typed(before));
            state.press(control_c, &[]);
            assert!(state.is_over);
        }
        let mut state = State::default();
        state.press(KeyEvent::new(KeyCode::Char('q'), KeyModifiers::ALT), &[]);
        assert!(!state.is_over);
    }

    #[test]
    fn the_tools_are_moved_along() {
        let first = |codes: &[KeyCode]| pressed(codes).first;
        let down = [KeyCode::Down, KeyCode::PageDown, KeyCode::Char('j')];
        assert_eq!(first(&down), 12);
        assert_eq!(
            first(&[&down[..], &[KeyCode::PageUp, KeyCode::Up]].concat()),
            1
        );
        assert_eq!(first(&[KeyCode::Up, KeyCode::PageUp]), 0);
        assert_eq!(first(&[&down[..], &[KeyCode::Home]].concat()), 0);
    }
}
