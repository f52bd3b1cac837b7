//! The log pane on screen: what a line carries, with and without colour.

use std::sync::Arc;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use rolldeck::app::msg::Msg;
use rolldeck::config::theme::Theme;
use rolldeck::domain::log::{Gap, Lines, Mark, Source};
use rolldeck::domain::revision::{Role, Roles};
use rolldeck::port::Seq;
use rolldeck::port::engine::{Command, LogBatch};

use crate::flows::fixture::{Console, at, rollout};

fn source(instance: &str, revision: &str) -> Arc<Source> {
    Arc::new(Source { instance: instance.into(), container: "web".into(), revision: revision.into(), init: false, previous: false })
}

fn seq(console: &Console) -> Seq {
    let follow = console.left.iter().rev().find_map(|effect| match effect {
        rolldeck::app::effect::Effect::Engine(_, Command::Follow { seq, .. }) => Some(*seq),
        _ => None,
    });
    follow.expect("the rollout's logs are followed")
}

/// A console in the logs of a canary, with lines of both sides.
fn console() -> Console {
    let mut console = Console::live();
    let mut now = rollout("development", 2);
    now.revisions[1].roles = Roles::of(&[Role::Canary]);
    console.tell(now);
    console.press("enter l");
    let (stable, canary) = (source("backend-7d9f-9mm1a", "backend-2"), source("backend-6d4b-x2k9f", "backend-1"));
    let mut lines = Lines::default();
    let base = i64::try_from(at(10).as_nanosecond()).unwrap();
    lines.push_text(base, &stable, b"level=info msg=\"served GET /bookings/17\"");
    lines.push_text(base + 204_000_000, &canary, b"\x1b[31mERROR\x1b[0m timeout calling ledger");
    lines.push_mark(base + 300_000_000, &canary, Mark::Reconnected { after_ms: 3140, gap: Gap::None });
    lines.push_text(base + 377_000_000, &stable, r#"{"level":"warn","msg":"slow query","ms":410}"#.as_bytes());
    lines.push_text(
        base + 400_000_000,
        &canary,
        "漢字 and a line that is much longer than eighty columns can show, so that it is cut".as_bytes(),
    );
    let batch = LogBatch { seq: seq(&console), lines, dropped: 312 };
    console.take(Msg::Logs(batch));
    console
}

fn screen(console: &mut Console, width: u16, theme: &Theme) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, 16)).unwrap();
    terminal.draw(|frame| console.model.regions = rolldeck::ui::draw(frame, &mut console.model, theme)).unwrap();
    // The log's own rows: under the top line, over the keys.
    let cells = terminal.backend().to_string();
    cells
        .lines()
        .skip(1)
        .take(8)
        .map(|line| line.split("\" Hidden by").next().unwrap_or_default().trim_matches('"').trim_end().to_owned())
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn lines_carry_role_pod_time_and_level_and_marks_stand_between() {
    let mut console = console();
    insta::assert_snapshot!(screen(&mut console, 80, &Theme::named("dark").unwrap()), @r#"
     backend development  follow · C+S · all levels · 312 dropped · tail 1000
    ── 312 lines dropped, the console could not keep up ────────────────────────────
    S 9mm1a 20:26:50.000 INFO  level=info msg="served GET /bookings/17"
    C x2k9f 20:26:50.204 ERROR ERROR timeout calling ledger
    ── x2k9f reconnected after 3.1 s, no gap ───────────────────────────────────────
    S 9mm1a 20:26:50.377 WARN  slow query  ms=410
    C x2k9f 20:26:50.400 INFO  漢字 and a line that is much longer than eighty colu…
    "#);
}

#[test]
fn a_filter_stands_in_the_strip_and_standing_still_says_so() {
    let mut console = console();
    let theme = Theme::named("dark").unwrap().without_colour().ascii();
    console.press("v v v v up");
    insta::assert_snapshot!(screen(&mut console, 80, &theme), @r"
     backend development  C+S . level > error . 312 dro~  standing still, G follows
    -- 312 lines dropped, the console could not keep up ----------------------------
    C x2k9f 20:26:50.204 ERROR ERROR timeout calling ledger
    -- x2k9f reconnected after 3.1 s, no gap ---------------------------------------
    ");
}
