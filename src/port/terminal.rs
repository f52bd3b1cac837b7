//! What comes from the terminal, and what is asked of it beside drawing.

use crokey::KeyCombination;

/// Which mouse button, or which way the wheel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MouseKind {
    Click,
    ScrollUp,
    ScrollDown,
}

/// One thing that a person did at the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// `repeat`: the terminal reports it as held down, or it came in one burst with others (a paste without brackets).
    Key {
        key: KeyCombination,
        repeat: bool,
    },
    /// Text pasted with brackets. Never acts as keys.
    Paste(String),
    Mouse {
        kind: MouseKind,
        column: u16,
        row: u16,
    },
    Resize {
        columns: u16,
        rows: u16,
    },
    Focus(bool),
}

/// The longest text for [`Command::Copy`], in bytes: 100,000 characters of base64, which is what xterm and tmux take. A
/// longer one is not copied.
pub const COPY_AT_MOST: usize = 74_994;

/// What is asked of the terminal beside drawing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Put this into the person's clipboard (OSC 52).
    Copy(String),
    /// The window's title.
    Title(String),
    /// A bell.
    Bell,
    /// A desktop notification (OSC 9).
    Notify(String),
}
