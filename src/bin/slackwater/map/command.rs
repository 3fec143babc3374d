//! The command line of a worker, as it was typed.

use std::ffi::OsStr;
use std::path::Path;

/// A program, its arguments, and what was set before it.
#[derive(Debug, PartialEq, Eq)]
pub struct Command {
    pub environment: Vec<(String, String)>,
    pub program: String,
    pub arguments: Vec<String>,
}

impl Command {
    /// Takes a command apart as a shell would, without being one.
    /// # Errors
    /// What is wrong, with what to try.
    pub fn parse(text: &str) -> Result<Self, String> {
        let words = shlex::split(text).ok_or(
            "--worker: a quote is not closed, or a backslash is the last sign; such as --worker 'python3 \"my worker.py\"'",
        )?;
        let mut words = words.into_iter().peekable();
        let mut environment = Vec::new();
        while let Some((name, value)) = words.peek().and_then(|word| assignment(word)) {
            environment.push((name, value));
            words.next();
        }
        let program = words.next().filter(|program| !program.is_empty());
        let program = program.ok_or("--worker: there is no program in it; such as --worker 'python3 worker.py'")?;
        let arguments: Vec<String> = words.collect();
        // Where quotes were, shlex has taken them off: what is quoted for a shell of its own is one word with more in it.
        if let Some(sign) = arguments.iter().find(|word| SIGNS.contains(&word.as_str())) {
            return Err(format!(
                "--worker: {sign} is for a shell, and none runs the command; such as --worker \"sh -c 'cd there && exec python3 worker.py'\""
            ));
        }
        Ok(Self { environment, program, arguments })
    }

    /// Why this could not be started, as far as it is plain to see: a script that is not there ends Python with its usual words, but
    /// a file that may not be run is more of a riddle.
    pub fn hint(&self) -> Option<String> {
        let path = Path::new(&self.program);
        let script = path.extension().and_then(OsStr::to_str).filter(|_| path.is_file());
        let with = match script? {
            "py" => "python3",
            "sh" => "sh",
            "escript" => "escript",
            _ => return None,
        };
        Some(format!("if it is a script: --worker '{with} {}'", self.program))
    }
}

const SIGNS: [&str; 9] = ["|", "||", "&", "&&", ";", ">", ">>", "<", "2>&1"];

/// `NAME=VALUE`.
fn assignment(word: &str) -> Option<(String, String)> {
    let (name, value) = word.split_once('=')?;
    let is_name = !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.starts_with(|c: char| c.is_ascii_digit());
    is_name.then(|| (name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Promise: words are those of a shell, and what only a shell could do is refused. Provoked: quotes, variables before the program,
    /// an unclosed quote, nothing, signs of a shell with and without quotes.
    #[test]
    fn commands_are_taken_apart_as_by_a_shell() {
        let command = Command::parse(r#"A=1 B='x y' python3 "my worker.py" --b=2 it\'s '' 'a && b' $HOME"#).unwrap();
        assert_eq!(command.environment, [("A".into(), "1".into()), ("B".into(), "x y".into())]);
        assert_eq!(command.program, "python3");
        assert_eq!(command.arguments, ["my worker.py", "--b=2", "it's", "", "a && b", "$HOME"]);
        for (text, said) in [
            ("python3 'worker.py", "quote is not closed"),
            ("", "no program"),
            ("  ", "no program"),
            ("A=1", "no program"),
            ("''", "no program"),
            ("cd x && python3 w.py", "&& is for a shell"),
            ("python3 w.py 2>&1", "2>&1 is for a shell"),
        ] {
            let why = Command::parse(text).unwrap_err();
            assert!(why.contains(said), "{text}: {why}");
        }
    }
}
