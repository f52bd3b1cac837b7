//! Reads the terminal's events and tells them in the port's words.

use std::time::Instant;

use crokey::KeyCombination;
use crossterm::event::{Event, EventStream, KeyEventKind, MouseButton, MouseEventKind};
use futures::StreamExt as _;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::burst::Bursts;
use crate::port::terminal::{Input, MouseKind};

/// The most events of one read; the terminal's driver hands out 1,024 bytes at a time.
const AT_ONCE: usize = 1024;

/// Starts reading. When the channel is full the terminal's own buffer takes what is typed. The task ends, and with it
/// the channel, when the terminal is gone.
pub fn spawn(inputs: mpsc::Sender<Input>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let start = Instant::now();
        let mut bursts = Bursts::default();
        // What is there is taken in one go: only so can a paste be told from typing. Polling the stream with another
        // waker in between would lose its wake-up.
        let mut reads = EventStream::new().ready_chunks(AT_ONCE);
        while let Some(read) = reads.next().await {
            let mut events = Vec::with_capacity(read.len());
            let mut gone = None;
            for event in read {
                match event {
                    Ok(event) => events.push(event),
                    Err(error) => gone = Some(error),
                }
            }
            for input in inputs_of(events, |keys| bursts.take(start.elapsed(), keys)) {
                if inputs.send(input).await.is_err() {
                    return;
                }
            }
            if let Some(error) = gone {
                tracing::warn!(%error, "the terminal cannot be read");
                return;
            }
        }
    })
}

/// Translates one read. `mark` is given its keys and says which were not pressed one by one.
fn inputs_of(events: Vec<Event>, mark: impl FnOnce(&[KeyCombination]) -> Vec<bool>) -> Vec<Input> {
    let pressed = |event: &Event| match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => Some(KeyCombination::from(*key)),
        _ => None,
    };
    let keys: Vec<KeyCombination> = events.iter().filter_map(pressed).collect();
    let mut marks = mark(&keys).into_iter();
    events
        .into_iter()
        .filter_map(|event| match event {
            Event::Key(key) => {
                let combination = pressed(&event)?;
                let marked = marks.next().unwrap_or(true);
                Some(Input::Key { key: combination, repeat: marked || key.kind == KeyEventKind::Repeat })
            }
            Event::Paste(text) => Some(Input::Paste(text)),
            Event::Mouse(mouse) => {
                let kind = match mouse.kind {
                    MouseEventKind::Down(MouseButton::Left) => MouseKind::Click,
                    MouseEventKind::ScrollUp => MouseKind::ScrollUp,
                    MouseEventKind::ScrollDown => MouseKind::ScrollDown,
                    _ => return None,
                };
                Some(Input::Mouse { kind, column: mouse.column, row: mouse.row })
            }
            Event::Resize(columns, rows) => Some(Input::Resize { columns, rows }),
            Event::FocusGained => Some(Input::Focus(true)),
            Event::FocusLost => Some(Input::Focus(false)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crokey::key;
    use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseEvent};

    use super::*;

    fn key(code: KeyCode, kind: KeyEventKind) -> Event {
        Event::Key(KeyEvent::new_with_kind(code, KeyModifiers::NONE, kind))
    }

    fn unmarked(keys: &[KeyCombination]) -> Vec<bool> {
        vec![false; keys.len()]
    }

    #[test]
    fn each_event_becomes_the_port_s_word() {
        let mouse = |kind| Event::Mouse(MouseEvent { kind, column: 3, row: 4, modifiers: KeyModifiers::NONE });
        let told = |kind| Some(Input::Mouse { kind, column: 3, row: 4 });
        for (event, input) in [
            (key(KeyCode::Char('P'), KeyEventKind::Press), Some(Input::Key { key: key!(shift - p), repeat: false })),
            (key(KeyCode::Enter, KeyEventKind::Repeat), Some(Input::Key { key: key!(enter), repeat: true })),
            (key(KeyCode::Enter, KeyEventKind::Release), None),
            (Event::Paste("x\ny".into()), Some(Input::Paste("x\ny".into()))),
            (mouse(MouseEventKind::Down(MouseButton::Left)), told(MouseKind::Click)),
            (mouse(MouseEventKind::Up(MouseButton::Left)), None),
            (mouse(MouseEventKind::Down(MouseButton::Right)), None),
            (mouse(MouseEventKind::ScrollUp), told(MouseKind::ScrollUp)),
            (mouse(MouseEventKind::ScrollDown), told(MouseKind::ScrollDown)),
            (Event::Resize(80, 24), Some(Input::Resize { columns: 80, rows: 24 })),
            (Event::FocusLost, Some(Input::Focus(false))),
        ] {
            assert_eq!(inputs_of(vec![event.clone()], unmarked), Vec::from_iter(input), "{event:?}");
        }
    }

    #[test]
    fn marks_meet_the_keys_they_are_for() {
        let events = vec![
            key(KeyCode::Char('a'), KeyEventKind::Release),
            key(KeyCode::Char('b'), KeyEventKind::Press),
            Event::FocusGained,
            key(KeyCode::Char('c'), KeyEventKind::Press),
        ];
        let marked: Vec<bool> = inputs_of(events, |keys| {
            assert_eq!(keys, [key!(b), key!(c)]);
            vec![false, true]
        })
        .into_iter()
        .filter_map(|input| if let Input::Key { repeat, .. } = input { Some(repeat) } else { None })
        .collect();
        assert_eq!(marked, [false, true]);
    }
}
