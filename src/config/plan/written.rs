//! What may be written in two ways: short, as a text or a list, or as a table with every key.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer, StrDeserializer};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// A value in one of its two forms. The schema names both types, so that a wrong third is reported before serde sees it.
#[derive(Clone, Debug)]
pub(super) enum Written<S, T> {
    Short(S),
    Table(T),
}

impl<'de, S: Deserialize<'de>, T: Deserialize<'de>> Deserialize<'de> for Written<S, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Forms<S, T>(PhantomData<(S, T)>);

        impl<'de, S: Deserialize<'de>, T: Deserialize<'de>> Visitor<'de> for Forms<S, T> {
            type Value = Written<S, T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the short form or a table")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                S::deserialize(StrDeserializer::new(text)).map(Written::Short)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
                S::deserialize(SeqAccessDeserializer::new(items)).map(Written::Short)
            }

            fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(table)).map(Written::Table)
            }
        }

        deserializer.deserialize_any(Forms(PhantomData))
    }
}

impl<S: JsonSchema, T: JsonSchema> JsonSchema for Written<S, T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("{}Or{}", S::schema_name(), T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (short, mut both) = (S::json_schema(generator), T::json_schema(generator));
        let kind = short.get("type").cloned().unwrap_or(Value::Null);
        both.insert("type".into(), Value::Array(vec![kind, "object".into()]));
        if let Some(items) = short.get("items") {
            both.insert("items".into(), items.clone());
        }
        both
    }
}
