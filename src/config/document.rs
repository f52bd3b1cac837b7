//! Reads a TOML text into serde structs and reports everything that is wrong with its shape at once.
//!
//! serde stops at the first error. So the parsed document is first compared with the JSON Schema of the structs: each
//! unknown key, wrong type and missing key is reported and taken out, and serde reads what is left. Therefore the fields
//! of these structs are all optional to serde, while the schema says which are required.

use std::ops::Range;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::de::DeserializeOwned;
use serde_json::Value;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue, Deserializer};

use super::error::ConfigError;
use super::position::{Position, Source};
use super::similar::similar;

/// Returns the JSON Schema of a file's structs as the loader and editors use it: without `$ref`, and without `null`,
/// which TOML cannot write.
pub fn schema_of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().for_deserialize().with(|settings| settings.inline_subschemas = true);
    let mut schema: Schema = settings.into_generator().into_root_schema_for::<T>();
    schema.remove("title");
    let mut schema = schema.to_value();
    drop_null(&mut schema);
    schema
}

fn drop_null(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            if map.get("default").is_some_and(Value::is_null) {
                map.remove("default");
            }
            if let Some(Value::Array(types)) = map.get_mut("type") {
                types.retain(|name| name != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    map.insert("type".into(), only);
                }
            }
            map.values_mut().for_each(drop_null);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_null),
        _ => {}
    }
}

/// Reads a text. Errors of syntax are returned alone, because what follows from them would only confuse; errors of shape
/// are pushed to `errors`, and the rest is returned for the checks of meaning.
pub fn read<T: DeserializeOwned + JsonSchema>(source: &Source, errors: &mut Vec<ConfigError>) -> Option<T> {
    let mut table = parse(source, errors)?;
    let schema = schema_of::<T>();
    let mut walk = Walk { source, root: &schema, errors };
    walk.table(&schema, &Place::root(), 0..0, table.get_mut());
    T::deserialize(Deserializer::from(table)).map_err(|error| errors.push(syntax(source, &error))).ok()
}

/// Parses a text; none, and every error of syntax, where it is no TOML.
pub(super) fn parse<'a>(source: &'a Source, errors: &mut Vec<ConfigError>) -> Option<Spanned<DeTable<'a>>> {
    let (table, broken) = DeTable::parse_recoverable(source.text());
    errors.extend(broken.iter().map(|error| syntax(source, error)));
    broken.is_empty().then_some(table)
}

fn syntax(source: &Source, error: &toml::de::Error) -> ConfigError {
    let at = error.span().map_or_else(|| Position::start(source.name().clone()), |span| source.at(span));
    let under: String = at.text.chars().skip(at.column.saturating_sub(1)).take(at.length).collect();
    let mut lines = error.message().lines();
    let said = lines.next().unwrap_or("cannot be read as TOML");
    let error = match said.split_once(", expected ") {
        Some(("string values must be quoted", _)) if under.is_empty() => ConfigError::new(at, "a value is missing here"),
        Some(("string values must be quoted", _)) => ConfigError::new(at, "a string is not in quotes").label("put it in quotes"),
        Some((wrong, wanted)) => ConfigError::new(at, wrong).label(format!("expected {wanted}")),
        None if said == "duplicate key" => ConfigError::new(at, format!("`{under}` is there twice in one table")),
        None => ConfigError::new(at, said),
    };
    lines.fold(error, ConfigError::note)
}

/// Which table is being read: as a person would write its header.
struct Place {
    path: String,
    header: String,
}

impl Place {
    fn root() -> Self {
        Self { path: String::new(), header: "the file".into() }
    }

    fn child(&self, key: &str) -> Self {
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        Self { header: format!("[{path}]"), path }
    }

    /// The place of each item, where this is an array.
    fn item(&self) -> Self {
        Self { path: self.path.clone(), header: format!("[[{}]]", self.path) }
    }
}

struct Walk<'a> {
    source: &'a Source,
    root: &'a Value,
    errors: &'a mut Vec<ConfigError>,
}

impl Walk<'_> {
    fn table(&mut self, schema: &Value, place: &Place, header: Range<usize>, table: &mut DeTable<'_>) {
        let known = properties(schema);
        let free = schema.get("additionalProperties").filter(|value| value.is_object());
        let keys: Vec<(Range<usize>, String)> = table.keys().map(|key| (key.span(), key.get_ref().to_string())).collect();
        let present: Vec<String> = keys.iter().map(|(_, key)| key.clone()).collect();
        for (span, key) in keys {
            let Some(wanted) = schema.pointer(&format!("/properties/{}", escaped(&key))).or(free) else {
                table.remove(key.as_str());
                self.unknown(place, &span, &key, &known);
                continue;
            };
            let keep = table.get_mut(key.as_str()).is_none_or(|value| self.value(wanted, &place.child(&key), &key, value));
            if !keep {
                table.remove(key.as_str());
            }
        }
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        for key in required {
            // What was taken out above is reported there, and so is a key that was probably meant to be this one.
            if present
                .iter()
                .any(|name| name == key || !known.contains(&name.as_str()) && similar(name, known.iter().copied()) == Some(key))
            {
                continue;
            }
            let at = if header.is_empty() { Position::start(self.source.name().clone()) } else { self.source.at(header.clone()) };
            let sort = schema.pointer(&format!("/properties/{key}"));
            let (what, example) = match sort {
                Some(sort) if holds_tables(sort) => (format!("[[{key}]]"), "add at least one".to_owned()),
                _ => (format!("`{key}`"), format!("write {key} = {}", sort.map_or_else(|| "…".into(), example))),
            };
            self.errors.push(ConfigError::new(at, format!("{} has no {what}", place.header)).label(example));
        }
    }

    fn unknown(&mut self, place: &Place, span: &Range<usize>, key: &str, known: &[&str]) {
        let mut error = ConfigError::new(self.source.at(span.clone()), format!("unknown key `{key}` in {}", place.header))
            .meant(similar(key, known.iter().copied()));
        let mut elsewhere = Vec::new();
        holders(self.root, &Place::root(), key, &mut elsewhere);
        if error.label.is_none() && !elsewhere.is_empty() {
            error = error.label(format!("belongs in {}", elsewhere.join(" or ")));
        }
        self.errors.push(error.note(format!("known here: {}", known.join(", "))));
    }

    /// Checks one value and what is in it; returns whether serde may see it.
    fn value(&mut self, schema: &Value, place: &Place, key: &str, value: &mut Spanned<DeValue<'_>>) -> bool {
        let span = value.span();
        let found = value.get_ref().type_str();
        match (kind_of(schema, found), value.get_mut()) {
            ("object", DeValue::Table(table)) => self.table(schema, place, span, table),
            ("array", DeValue::Array(items)) => {
                let Some(wanted) = schema.get("items") else { return true };
                if items.is_empty() && schema.get("minItems").is_some() {
                    self.errors.push(ConfigError::new(self.source.at(span), format!("`{key}` is empty")).label("name at least one"));
                    return false;
                }
                let place = place.item();
                let mut kept = DeArray::new();
                for mut item in std::mem::replace(items, DeArray::new()) {
                    if self.value(wanted, &place, key, &mut item) {
                        kept.push(item);
                    }
                }
                *items = kept;
            }
            ("string", DeValue::String(text)) => {
                let words: Vec<&str> =
                    schema.get("enum").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
                if !words.is_empty() && !words.contains(&text.as_ref()) {
                    let error = ConfigError::new(self.source.at(span), format!("`{key}` cannot be `{text}`"))
                        .meant(similar(text, words.iter().copied()))
                        .note(format!("expected one of: {}", words.join(", ")));
                    self.errors.push(error);
                    return false;
                }
            }
            // TOML has dates of its own; a schema has only strings that are written like one.
            ("string", DeValue::Datetime(_)) if schema.get("format").is_some_and(|format| format == "date-time") => {}
            ("boolean", DeValue::Boolean(_)) => {}
            ("integer", DeValue::Integer(number)) => return self.integer(schema, key, span, number.as_str()),
            (wanted, _) => {
                let wanted = if wanted == "array" && holds_tables(schema) { "tables" } else { wanted };
                let label = match (wanted, found) {
                    ("tables", _) if found != "table" => format!("write [[{}]]", place.path),
                    ("tables", _) => format!("write [[{}]], with two brackets", place.path),
                    ("array", "string") => "write it in brackets, as [\"…\"]".to_owned(),
                    _ => format!("write {}", example(schema)),
                };
                let message = format!("`{key}` is {}, where {} is expected", article(found), article(wanted));
                self.errors.push(ConfigError::new(self.source.at(span), message).label(label));
                return false;
            }
        }
        true
    }

    fn integer(&mut self, schema: &Value, key: &str, span: Range<usize>, text: &str) -> bool {
        let bound = |name: &str| schema.get(name).and_then(Value::as_i64);
        let (least, most) = (bound("minimum").unwrap_or(i64::MIN), bound("maximum").unwrap_or(i64::MAX));
        let inside = text.parse::<i64>().is_ok_and(|number| (least..=most).contains(&number));
        if !inside {
            let error = ConfigError::new(self.source.at(span), format!("`{key}` is out of range")).label(format!("from {least} to {most}"));
            self.errors.push(error);
        }
        inside
    }
}

/// Returns the keys that a table may have.
fn properties(schema: &Value) -> Vec<&str> {
    schema.get("properties").and_then(Value::as_object).into_iter().flat_map(|map| map.keys()).map(String::as_str).collect()
}

/// Finds the tables in which a key is known, as a person would write their headers.
fn holders(schema: &Value, place: &Place, key: &str, found: &mut Vec<String>) {
    let Some(map) = schema.get("properties").and_then(Value::as_object) else { return };
    if map.contains_key(key) {
        found.push(place.header.clone());
    }
    for (name, inner) in map {
        let child = place.child(name);
        match inner.get("items") {
            Some(items) => holders(items, &child.item(), key, found),
            None => holders(inner, &child, key, found),
        }
    }
}

/// Returns the JSON type that a schema asks for: the first of several.
fn kind(schema: &Value) -> &str {
    kind_of(schema, "")
}

/// Returns the JSON type that a schema asks for; of several, the one that the TOML type that was found is.
fn kind_of<'a>(schema: &'a Value, found: &str) -> &'a str {
    let found = if found == "table" { "object" } else { found };
    match schema.get("type") {
        Some(Value::Array(kinds)) => {
            let mut kinds = kinds.iter().filter_map(Value::as_str);
            let first = kinds.next().unwrap_or("string");
            if first == found { first } else { kinds.find(|kind| *kind == found).unwrap_or(first) }
        }
        Some(Value::String(kind)) => kind,
        _ => "string",
    }
}

fn holds_tables(schema: &Value) -> bool {
    schema.get("items").is_some_and(|items| kind(items) == "object")
}

/// Returns a value of the wanted type as a person would write it: the schema's own example where it has one.
fn example(schema: &Value) -> String {
    if let Some(example) = schema.pointer("/examples/0").and_then(|example| toml::Value::try_from(example).ok()) {
        return example.to_string();
    }
    match kind(schema) {
        "boolean" => "true or false",
        "integer" => "a number without quotes",
        "array" => "[\"…\"]",
        "object" => "{ … }",
        _ => "\"…\"",
    }
    .to_owned()
}

fn article(kind: &str) -> String {
    match kind {
        "integer" => "a whole number".into(),
        "float" => "a number with a point".into(),
        "boolean" => "true or false".into(),
        "array" => "a list".into(),
        "object" => "a table".into(),
        "tables" => "a list of tables".into(),
        "datetime" => "a date".into(),
        kind => format!("a {kind}"),
    }
}

/// Escapes a key for a JSON pointer (RFC 6901).
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
