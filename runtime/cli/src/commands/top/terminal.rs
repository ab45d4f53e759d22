//! The terminal: taken, drawn on, asked for keys, and given back.

use std::time::{Duration, Instant};

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyEventKind};
use tokio_util::sync::CancellationToken;

use super::gather::Gather;
use super::keys::State;
use super::screen::{Palette, draw};
use crate::error::Error;

/// How often it is drawn where nobody presses a key.
const TICK: Duration = Duration::from_millis(200);

/// How often hosts that come and go are looked for.
const LOOK: Duration = Duration::from_secs(1);

/// At most so many keys are taken before it is drawn again.
const MAX_KEYS: usize = 64;

/// A terminal that is ours until this is dropped. A panic gives it back too, before
/// it is told.
struct Screen(DefaultTerminal);

impl Screen {
    fn open() -> std::io::Result<Self> {
        let opened = ratatui::try_init();
        if opened.is_err() {
            // What was done of it.
            let _ = ratatui::try_restore();
        }
        opened.map(Self)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // After a panic it has been given back, and says why.
        if !std::thread::panicking() {
            let _ = self.0.show_cursor();
            // Where it fails there is no terminal any more.
            let _ = ratatui::try_restore();
        }
    }
}

/// Shows the hosts until somebody leaves, here or by a signal.
pub(super) fn run(
    mut gather: Gather,
    is_coloured: bool,
    cancel: &CancellationToken,
) -> Result<(), Error> {
    let mut screen = Screen::open().map_err(Error::Terminal)?;
    let mut state = State::default();
    let mut looked = Instant::now();
    let palette = Palette { is_coloured };
    while !state.is_over && !cancel.is_cancelled() {
        if LOOK <= looked.elapsed() {
            looked = Instant::now();
            gather.look()?;
        }
        let (views, troubles) = (gather.views(), gather.troubles());
        let mut first = 0;
        let drawn = screen.0.draw(|frame| {
            first = draw(frame, palette, (&views, &troubles), &state);
        });
        drawn.map_err(Error::Terminal)?;
        // Nobody has to come back from beyond the end.
        state.first = first;
        let sockets: Vec<_> = views.into_iter().map(|view| view.socket).collect();
        take_keys(&mut state, &sockets).map_err(Error::Terminal)?;
    }
    Ok(())
}

fn take_keys(state: &mut State, sockets: &[std::path::PathBuf]) -> std::io::Result<()> {
    let mut wait = TICK;
    for _ in 0..MAX_KEYS {
        if !event::poll(wait)? {
            return Ok(());
        }
        match event::read()? {
            Event::Key(key) if key.kind != KeyEventKind::Release => state.press(key, sockets),
            _ => {}
        }
        wait = Duration::ZERO;
    }
    Ok(())
}
