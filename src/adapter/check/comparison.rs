//! Compares what was found with what the plan wants.

use serde_json::Value;

use super::report::cut;
use crate::domain::release::checklist::{Comparison, Operator};

/// A value is quoted in evidence up to here.
const SHOWN: usize = 80;

/// Returns whether the value is as wanted.
///
/// # Errors
///
/// The two cannot be compared: why, in a sentence.
pub(super) fn holds(found: &Value, wanted: &Comparison) -> Result<bool, String> {
    let limit = &wanted.value;
    match wanted.operator {
        Operator::Equal => same(found, limit),
        Operator::Unequal => same(found, limit).map(|same| !same),
        operator => match (found.as_f64(), limit.as_f64()) {
            (Some(found), Some(limit)) => Ok(number(found, operator, limit)),
            (None, _) => Err(format!("{} is {}, and no number", shown(found), kind(found))),
            (_, None) => Err(format!("the limit {} is no number", shown(limit))),
        },
    }
}

/// Compares two numbers. NaN is as nothing is, and is to be asked for before.
pub(super) fn number(found: f64, operator: Operator, limit: f64) -> bool {
    match operator {
        #[expect(clippy::float_cmp, reason = "the plan asks for equality")]
        Operator::Equal => found == limit,
        #[expect(clippy::float_cmp, reason = "the plan asks for inequality")]
        Operator::Unequal => found != limit,
        Operator::Less => found < limit,
        Operator::AtMost => found <= limit,
        Operator::More => found > limit,
        Operator::AtLeast => found >= limit,
    }
}

/// Returns whether two scalars are the same; those of two kinds are not, and it is said: `"3"` is not `3`.
fn same(found: &Value, limit: &Value) -> Result<bool, String> {
    match (found, limit) {
        // Whole numbers to their last digit, others by their value: `1.0` is `1`.
        (Value::Number(a), Value::Number(b)) => Ok(a == b || (a.as_f64() == b.as_f64() && !(a.is_u64() && b.is_u64()))),
        (Value::Array(_) | Value::Object(_), _) => Err(format!("{} is {}, and not one value", shown(found), kind(found))),
        _ if kind(found) == kind(limit) => Ok(found == limit),
        // Nothing where something was wanted is a plain answer.
        (Value::Null, _) | (_, Value::Null) => Ok(false),
        _ => Err(format!("{} is {}, and {} is {}", shown(found), kind(found), shown(limit), kind(limit))),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Returns a value as evidence quotes it.
pub(super) fn shown(value: &Value) -> String {
    cut(&value.to_string(), SHOWN).into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_compared_by_what_they_are() {
        use Operator::{AtLeast, AtMost, Equal, Less, More, Unequal};
        for (found, operator, limit, want) in [
            (json!("ok"), Equal, json!("ok"), Ok(true)),
            (json!("OK"), Equal, json!("ok"), Ok(false)),
            (json!("down"), Unequal, json!("ok"), Ok(true)),
            (json!(true), Equal, json!(true), Ok(true)),
            (json!(3), Equal, json!(3.0), Ok(true)),
            (json!(9_007_199_254_740_993_u64), Equal, json!(9_007_199_254_740_992_u64), Ok(false)),
            (json!(3), Less, json!(3), Ok(false)),
            (json!(3), AtMost, json!(3), Ok(true)),
            (json!(3.5), More, json!(3), Ok(true)),
            (json!(-1), AtLeast, json!(0), Ok(false)),
            (json!(null), Equal, json!("ok"), Ok(false)),
            (json!("3"), Equal, json!(3), Err("\"3\" is a text, and 3 is a number")),
            (json!("3"), Less, json!(4), Err("\"3\" is a text, and no number")),
            (json!(3), Less, json!("4"), Err("the limit \"4\" is no number")),
            (json!([1]), Equal, json!(1), Err("[1] is a list, and not one value")),
            (json!({"a": 1}), Unequal, json!(1), Err("{\"a\":1} is an object, and not one value")),
        ] {
            let comparison = Comparison { operator, value: limit };
            assert_eq!(holds(&found, &comparison), want.map_err(String::from), "{found} {comparison:?}");
        }
    }
}
