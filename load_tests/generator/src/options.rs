//! `--name value` words of a command line.

use std::collections::HashMap;
use std::str::FromStr;

pub struct Options<'a>(HashMap<&'a str, &'a str>);

impl<'a> Options<'a> {
    pub fn parse(words: &'a [String]) -> Self {
        let pair = |pair: &'a [String]| (pair[0].trim_start_matches("--"), pair[1].as_str());
        Self(words.chunks_exact(2).map(pair).collect())
    }

    pub fn required<T: FromStr>(&self, name: &str) -> Result<T, String> {
        self.optional(name)?
            .ok_or_else(|| format!("missing --{name}"))
    }

    pub fn or<T: FromStr>(&self, name: &str, default: T) -> Result<T, String> {
        Ok(self.optional(name)?.unwrap_or(default))
    }

    fn optional<T: FromStr>(&self, name: &str) -> Result<Option<T>, String> {
        let Some(text) = self.0.get(name) else {
            return Ok(None);
        };
        let value = text.parse().map_err(|_| format!("bad --{name} {text}"))?;
        Ok(Some(value))
    }
}

#[cfg(test)]
mod tests {
    use super::Options;

    #[test]
    fn named_values_are_found_and_missing_ones_told() {
        let words = ["--calls", "50", "--rate", "x"].map(String::from);
        let options = Options::parse(&words);
        assert_eq!(options.required("calls"), Ok(50));
        assert_eq!(options.or("seconds", 20), Ok(20));
        assert_eq!(options.required::<u64>("pid"), Err("missing --pid".into()));
        assert_eq!(options.or("rate", 1), Err("bad --rate x".into()));
    }
}
