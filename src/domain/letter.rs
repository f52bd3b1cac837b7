//! The text of an announcement: the console's own words, or a template of the plan.
//!
//! A template sees what [`Announcement`] has, and `bad`. It is checked where the plan is read, by writing a letter of every
//! occasion with it: then a misspelt name is an error at a desk in the afternoon, and not a message that never came at night.

use jiff::Timestamp;
use minijinja::{AutoEscape, Environment, ErrorKind, Output, State, UndefinedBehavior, Value};

use super::announcement::{Announcement, Occasion};

/// What a template may cost: some thousand instructions are a long letter, and a loop without end stops here.
const FUEL: u64 = 50_000;

/// What of a text is sent; Slack cuts at 40,000 and shows 4,000 well.
const LONGEST: usize = 4_000;

/// The name of Slack's rules among those of the templates.
const SLACK: &str = "slack";

/// What is said where the plan has no template of its own.
const OWN: &str = "{{ route }}: {{ sentence }} ({{ title }}{% if ticket %}, {{ ticket }}{% endif %}, by {{ actor }})";

/// What a text is written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Lines as they are: mail, a terminal.
    Plain,
    /// Slack's own markup: `&`, `<` and `>` of a value are escaped, so that a title calls nobody (`<!channel>`).
    Slack,
    /// JSON: a value is written as JSON, with its quotes; the whole must be JSON.
    Json,
}

/// Writes a text. Without control characters, so that no title moves a terminal's cursor.
///
/// # Errors
///
/// What is wrong with the template: one sentence with its line.
pub fn write(template: Option<&str>, form: Form, announcement: &Announcement) -> Result<String, String> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_auto_escape_callback(move |_| match form {
        Form::Plain => AutoEscape::None,
        Form::Slack => AutoEscape::Custom(SLACK.into()),
        Form::Json => AutoEscape::Json,
    });
    environment.set_formatter(format);
    let text = environment.render_str(template.unwrap_or(OWN), context(announcement)).map_err(|error| sentence(&error))?;
    if form == Form::Json {
        // A cut would break it: the sender has a limit of its own on a body.
        return match serde_json::from_str::<serde_json::Value>(&text) {
            Ok(_) => Ok(text),
            Err(error) => Err(format!("the template makes no JSON: {error}")),
        };
    }
    Ok(bounded(text.chars().filter(|letter| *letter == '\n' || !letter.is_control())))
}

/// Writes what a mail is called, and a desktop notification: one line.
pub fn subject(announcement: &Announcement) -> String {
    let Announcement { occasion, route, .. } = announcement;
    bounded(format!("{route}: {}", occasion.word().replace('-', " ")).chars().map(|letter| if letter.is_control() { ' ' } else { letter }))
}

/// Returns whether a template works for every occasion, with and without a ticket.
///
/// # Errors
///
/// What is wrong with it.
pub fn check(template: &str, form: Form) -> Result<(), String> {
    for occasion in Occasion::ALL {
        for ticket in [None, Some("CHG-1".to_owned())] {
            let sample = Announcement {
                occasion,
                at: Timestamp::UNIX_EPOCH,
                release: "19700101-0000-backend-0000".into(),
                environment: "production".into(),
                route: "backend 2.2.0 → production".into(),
                title: "Booking \"2.2\"".into(),
                sentence: "It is <ready> & waits".into(),
                actor: "ana".into(),
                ticket,
            };
            write(Some(template), form, &sample)?;
        }
    }
    Ok(())
}

fn context(announcement: &Announcement) -> Value {
    let Announcement { occasion, at, release, environment, route, title, sentence, actor, ticket } = announcement;
    // Each name is there on every occasion: a template asks `{% if ticket %}` and is not told that there is no such name.
    minijinja::context! {
        occasion => occasion.word(),
        bad => occasion.bad(),
        at => at.to_string(),
        release => release.as_str(),
        environment => environment.as_str(),
        route, title, sentence, ticket,
        actor => actor.as_str(),
    }
}

fn format(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), minijinja::Error> {
    if !matches!(state.auto_escape(), AutoEscape::Custom(name) if name == SLACK) || value.is_safe() {
        return minijinja::escape_formatter(out, state, value);
    }
    // https://docs.slack.dev/messaging/formatting-message-text#escaping: these three and no other.
    let text = value.to_string().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    out.write_str(&text).map_err(minijinja::Error::from)
}

fn sentence(error: &minijinja::Error) -> String {
    if error.kind() == ErrorKind::OutOfFuel {
        return "the template does not end".into();
    }
    let line = error.line().map(|line| format!(", line {line}")).unwrap_or_default();
    match error.detail() {
        Some(detail) => format!("the template{line}: {}: {detail}", error.kind()),
        None => format!("the template{line}: {}", error.kind()),
    }
}

fn bounded(letters: impl Iterator<Item = char>) -> String {
    let mut letters = letters.peekable();
    let mut text: String = letters.by_ref().take(LONGEST).collect();
    if letters.peek().is_some() {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn news(title: &str, ticket: Option<&str>) -> Announcement {
        Announcement {
            occasion: Occasion::Failed,
            at: Timestamp::UNIX_EPOCH,
            release: "r".into(),
            environment: "production".into(),
            route: "backend 2.2.0 → production".into(),
            title: title.into(),
            sentence: "the canary fails".into(),
            actor: "ana".into(),
            ticket: ticket.map(str::to_owned),
        }
    }

    #[test]
    fn the_console_s_own_words_name_the_ticket_only_where_there_is_one() {
        for (ticket, text) in [
            (None, "backend 2.2.0 → production: the canary fails (Booking 2.2, by ana)"),
            (Some("CHG-7"), "backend 2.2.0 → production: the canary fails (Booking 2.2, CHG-7, by ana)"),
        ] {
            assert_eq!(write(None, Form::Plain, &news("Booking 2.2", ticket)).unwrap(), text);
        }
        assert_eq!(subject(&news("x\ny", None)), "backend 2.2.0 → production: failed");
    }

    #[test]
    fn values_are_escaped_for_what_they_go_into_and_the_template_s_own_text_is_not() {
        let hostile = news("<!channel> & \"you\"\u{1b}[2J", None);
        for (form, template, text) in [
            (Form::Plain, "<!here> {{ title }}", "<!here> <!channel> & \"you\"[2J"),
            (Form::Slack, "<!here> {{ title }}", "<!here> &lt;!channel&gt; &amp; \"you\"[2J"),
            (Form::Json, r#"{"t": {{ title }}, "bad": {{ bad }}}"#, r#"{"t": "<!channel> & \"you\"\u001b[2J", "bad": true}"#),
        ] {
            assert_eq!(write(Some(template), form, &hostile).unwrap(), text, "{form:?}");
        }
    }

    #[test]
    fn a_template_that_cannot_work_is_refused_with_its_line() {
        for (template, form, said) in [
            ("{{ titel }}", Form::Plain, "the template, line 1: undefined value"),
            ("one\n{{ title", Form::Plain, "the template, line 2: syntax error"),
            ("{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}", Form::Plain, "the template does not end"),
            ("{{ title | nonsense }}", Form::Slack, "unknown filter"),
            (r#"{"text": "{{ title }}"}"#, Form::Json, "the template makes no JSON"),
        ] {
            let why = check(template, form).unwrap_err();
            assert!(why.contains(said), "{template}: {why}");
        }
        for (template, form) in [
            ("{{ occasion }} {{ at }} {{ release }} {{ environment }} {{ actor }} {% if ticket %}{{ ticket }}{% endif %}", Form::Slack),
            (r#"{"text": {{ sentence }}, "ticket": {{ ticket }}}"#, Form::Json),
        ] {
            assert_eq!(check(template, form), Ok(()), "{template}");
        }
    }

    #[test]
    fn a_text_is_bounded() {
        let text = write(Some("{{ title }}"), Form::Plain, &news(&"ä".repeat(9_000), None)).unwrap();
        assert_eq!((text.chars().count(), text.ends_with('…')), (LONGEST + 1, true));
    }
}
