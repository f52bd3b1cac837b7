//! The form of a release.

use ratatui::layout::Rect;

use crate::app::model::dialog::Form;
use crate::ui::pen::Pen;

/// Draws it.
pub(super) fn draw(_pen: &mut Pen<'_>, _area: Rect, _form: &Form) {}
