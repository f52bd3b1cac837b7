//! What a plan need not say: protection and colour of an environment, by its name and its place in the promotion order.

use crate::domain::plan::{Colour, Protection};

/// Words in a name, between `-`, that say production.
const PRODUCTION: [&str; 4] = ["prod", "production", "prd", "live"];
/// Words in a name that say that nothing can be lost there.
const DEVELOPMENT: [&str; 5] = ["dev", "development", "test", "local", "sandbox"];

/// Returns the protection of the environment at `at` of `of`. Place alone never opens one: the first of two may be a customer.
pub(super) fn protection(name: &str, at: usize, of: usize) -> Protection {
    let says = |words: &[&str]| name.split('-').any(|part| words.contains(&part));
    if says(&PRODUCTION) {
        Protection::Protected
    } else if says(&DEVELOPMENT) {
        Protection::Open
    } else if of > 1 && at + 1 == of {
        Protection::Protected
    } else {
        Protection::Guarded
    }
}

/// Returns the colour of the environment at `at` of `of`: red for whatever is protected and for the last of several.
pub(super) fn colour(protection: Protection, at: usize, of: usize) -> Colour {
    if protection == Protection::Protected || of > 1 && at + 1 == of {
        Colour::Red
    } else if at == 0 {
        Colour::Green
    } else if at + 2 == of {
        Colour::Yellow
    } else {
        [Colour::Blue, Colour::Cyan, Colour::Magenta][(at - 1) % 3]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protection_and_colour_follow_name_and_place() {
        use {Colour as C, Protection as P};
        let table: [&[(&str, P, C)]; 5] = [
            &[("development", P::Open, C::Green), ("staging", P::Guarded, C::Yellow), ("production", P::Protected, C::Red)],
            &[("qa", P::Guarded, C::Green), ("eu-1", P::Protected, C::Red)],
            &[("lab", P::Guarded, C::Green)],
            &[("prod-eu", P::Protected, C::Red)],
            &[
                ("dev", P::Open, C::Green),
                ("int", P::Guarded, C::Blue),
                ("qa", P::Guarded, C::Cyan),
                ("staging", P::Guarded, C::Yellow),
                ("live", P::Protected, C::Red),
            ],
        ];
        for plan in table {
            for (at, (name, wanted, shown)) in plan.iter().enumerate() {
                let found = protection(name, at, plan.len());
                assert_eq!((found, colour(found, at, plan.len())), (*wanted, *shown), "{name}");
            }
        }
    }
}
