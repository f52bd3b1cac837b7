//! What lies over a release's screen: the choice of a role, and an item whole.

use ratatui::layout::Rect;

use crate::app::model::dialog::Roles;
use crate::domain::id::{ItemId, ReleaseId};
use crate::ui::pen::Pen;

/// Draws the choice of the role in which one decides.
pub(super) fn roles(_pen: &mut Pen<'_>, _area: Rect, _open: &Roles) {}

/// Draws an item whole.
pub(super) fn item(_pen: &mut Pen<'_>, _area: Rect, _release: &ReleaseId, _item: &ItemId, _top: usize) {}
