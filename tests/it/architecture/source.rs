//! As much of Rust's grammar as it takes to find every path that a file names: tokens, `use` trees, inline modules.

/// A file's paths and where they stand.
pub struct Source {
    /// Each with the depth of inline modules around it.
    paths: Vec<(usize, Vec<String>)>,
    climbs_twice: bool,
}

impl Source {
    /// Reads a file's text. Comments and literals name nothing.
    pub fn read(text: &str) -> Self {
        let tokens = tokens(text);
        let mut paths = Vec::new();
        // One entry for each open brace: whether it is a module's.
        let mut braces: Vec<bool> = Vec::new();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            match token.as_str() {
                "{" => {
                    let module = at >= 2 && tokens[at - 2] == "mod";
                    braces.push(module);
                    at += 1;
                }
                "}" => {
                    braces.pop();
                    at += 1;
                }
                word if is_word(word) => {
                    let depth = braces.iter().filter(|module| **module).count();
                    let mut found = Vec::new();
                    at = tree(&tokens, at, &mut Vec::new(), &mut found);
                    paths.extend(found.into_iter().map(|path| (depth, path)));
                }
                _ => at += 1,
            }
        }
        let climbs_twice = tokens.windows(3).any(|three| three[0] == "super" && three[1] == "::" && three[2] == "super");
        Self { paths, climbs_twice }
    }

    /// Returns every path as it is written.
    pub fn paths(&self) -> impl Iterator<Item = &Vec<String>> {
        self.paths.iter().map(|(_, path)| path)
    }

    /// Returns the paths into this crate, from its root. `module` is the file's own.
    pub fn own_paths(&self, module: &[String]) -> Vec<Vec<String>> {
        let own = |(depth, path): &(usize, Vec<String>)| {
            let (first, rest) = path.split_first()?;
            match first.as_str() {
                "crate" => Some(rest.to_vec()),
                // Climbing twice is an offence by itself.
                "super" if *depth == 0 && rest.first().is_none_or(|next| next != "super") => {
                    let parent = module.get(..module.len().saturating_sub(1))?;
                    Some([parent, rest].concat())
                }
                _ => None,
            }
        };
        self.paths.iter().filter_map(own).filter(|path| !path.is_empty()).collect()
    }

    /// Returns whether a path climbs two modules by `super`.
    pub fn climbs_twice(&self) -> bool {
        self.climbs_twice
    }
}

fn is_word(token: &str) -> bool {
    token.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// Reads `a::b::{c, d::e}` from a word on; returns where it ends. Alone-standing words are paths of one part.
fn tree(tokens: &[String], mut at: usize, above: &mut Vec<String>, found: &mut Vec<Vec<String>>) -> usize {
    let kept = above.len();
    let get = |at: usize| tokens.get(at).map_or("", String::as_str);
    loop {
        above.push(get(at).to_owned());
        at += 1;
        if get(at) != "::" {
            break;
        }
        at += 1;
        match get(at) {
            "{" => {
                at += 1;
                while !["}", ""].contains(&get(at)) {
                    at = if is_word(get(at)) || get(at) == "*" { tree(tokens, at, above, found) } else { at + 1 };
                }
                above.truncate(kept);
                return at + 1;
            }
            next if is_word(next) || next == "*" => {}
            _ => break,
        }
    }
    found.push(above.clone());
    above.truncate(kept);
    at
}

/// Cuts a text into words, `::` and single characters; leaves comments, strings, characters and lifetimes out.
fn tokens(text: &str) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    let get = |at: usize| letters.get(at).copied().unwrap_or('\0');
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < letters.len() {
        match (get(at), get(at + 1)) {
            ('/', '/') => {
                while at < letters.len() && get(at) != '\n' {
                    at += 1;
                }
            }
            ('/', '*') => at = after_block_comment(&letters, at),
            ('"', _) => at = after_string(&letters, at),
            ('\'', '\\') => at = after_quote(&letters, at + 3),
            ('\'', _) if get(at + 2) == '\'' => at += 3,
            // A lifetime or a label.
            ('\'', _) => at += 1 + letters[at + 1..].iter().take_while(|letter| letter.is_alphanumeric() || **letter == '_').count(),
            (':', ':') => {
                tokens.push("::".into());
                at += 2;
            }
            (letter, _) if letter.is_alphanumeric() || letter == '_' => {
                let word: String = letters[at..].iter().take_while(|letter| letter.is_alphanumeric() || **letter == '_').collect();
                at += word.chars().count();
                let raw = ["r", "br", "cr"].contains(&word.as_str());
                let marks = letters[at..].iter().take_while(|letter| **letter == '#').count();
                if raw && get(at + marks) == '"' {
                    at = after_raw_string(&letters, at + marks + 1, marks);
                } else {
                    tokens.push(word);
                }
            }
            (letter, _) => {
                if !letter.is_whitespace() {
                    tokens.push(letter.to_string());
                }
                at += 1;
            }
        }
    }
    tokens
}

fn after_block_comment(letters: &[char], mut at: usize) -> usize {
    let mut depth = 0;
    while at < letters.len() {
        match letters.get(at..at + 2) {
            Some(['/', '*']) => {
                depth += 1;
                at += 2;
            }
            Some(['*', '/']) => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    at
}

fn after_string(letters: &[char], mut at: usize) -> usize {
    at += 1;
    while at < letters.len() && letters[at] != '"' {
        at += if letters[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

fn after_raw_string(letters: &[char], mut at: usize, marks: usize) -> usize {
    while at < letters.len() {
        if letters[at] == '"' && letters[at + 1..].iter().take(marks).filter(|letter| **letter == '#').count() == marks {
            return at + 1 + marks;
        }
        at += 1;
    }
    at
}

fn after_quote(letters: &[char], mut at: usize) -> usize {
    while at < letters.len() && letters[at] != '\'' {
        at += 1;
    }
    at + 1
}

/// Returns the modules that a file declares without a body, each with its `#[path]` where it has one.
pub fn declared(text: &str) -> Vec<(String, Option<String>)> {
    let mut found = Vec::new();
    let mut path = None;
    for line in text.lines().map(str::trim) {
        if let Some(quoted) = line.strip_prefix("#[path = \"") {
            path = quoted.strip_suffix("\"]").map(ToOwned::to_owned);
        } else if let Some(rest) = line.strip_suffix(';') {
            let words: Vec<&str> = rest.split_whitespace().collect();
            if let [.., "mod", name] = words.as_slice() {
                found.push(((*name).to_owned(), path.take()));
            }
        }
    }
    found
}
