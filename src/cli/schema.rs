//! `rolldeck schema`: prints the JSON Schema of the plan, from the structs that read it.

use super::{Failure, output};
use crate::config::plan;

pub(super) fn run() -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(&plan::schema()).map_err(|error| Failure::Runtime(format!("no schema: {error}")))?;
    output::line(text);
    Ok(())
}
