//! One layer of settings over another: defaults, a file, the environment, the program.

use super::options::{ROWS, Unfit, contradict, find};
use super::origin::{Origin, SettingsError};
use super::scalar::Given;
use crate::config::PoolConfig;
use crate::document::{FileErrors, Key, Mistake, Node, Value, json, nearest, toml};
use crate::error::ConfigError;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// The settings of a pool in layers, each of which knows where its values came from. What a later layer says goes before what an earlier one
/// did. Nothing is repaired: an unknown name, a value of the wrong kind, two that contradict each other are errors, with their place.
///
/// ```
/// use slackwater::{Pool, Settings};
///
/// let file = "max_size = 8\ncheckout_timeout = \"250ms\"\n[breaker]\nprobes = 1";
/// let settings = Settings::new().toml("pool.toml", file)?.vars("ORDERS", [("ORDERS_MAX_SIZE", "16")])?;
/// assert_eq!(settings.origin("max_size").to_string(), "ORDERS_MAX_SIZE");
/// assert_eq!(settings.origin("breaker.probes").to_string(), "pool.toml:4");
///
/// let pool = Pool::builder(|| Ok::<_, String>(0)).config(settings.config()?).min_idle(1).build()?;
/// assert_eq!(pool.stats().max_size, 16);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "settings do nothing until `config`"]
pub struct Settings {
    base: PoolConfig,
    given: Vec<Entry>,
    layers: usize,
}

#[derive(Clone, Debug)]
struct Entry {
    row: usize,
    given: Given,
    origin: Origin,
    layer: usize,
}

/// One setting, as it stands. See [`Settings::all`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Setting {
    /// Its name, with dots between the tables that it is in.
    pub name: &'static str,
    /// What it does, and what is allowed.
    pub about: &'static str,
    /// Its value, as TOML has it. `None` if it follows from others, or is a part of what is off.
    pub value: Option<String>,
    /// Where the value came from.
    pub origin: Origin,
    /// Why it cannot change while the pool lives. `None` if it can: see [`Pool::reconfigure`](crate::Pool::reconfigure).
    pub fixed: Option<&'static str>,
}

impl Settings {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// These settings as the lowest layer, in place of the defaults.
    pub fn over(base: PoolConfig) -> Self {
        Self { base, ..Self::default() }
    }

    /// A file over what is there: TOML, or JSON if its name ends so.
    ///
    /// # Errors
    /// If it cannot be read, and for all mistakes in it.
    pub fn file(self, path: impl AsRef<Path>) -> Result<Self, SettingsError> {
        self.file_table(path, "")
    }

    /// One table of a file, by its name, such as `pools.orders`: for files that have the settings of several pools, or others beside them,
    /// which nobody looks at here.
    ///
    /// # Errors
    /// As [`file`](Self::file), and if there is no such table.
    pub fn file_table(self, path: impl AsRef<Path>, table: &str) -> Result<Self, SettingsError> {
        let path = path.as_ref();
        let read = fs::read_to_string(path);
        let text = read.map_err(|cause| SettingsError::Read { path: path.to_owned(), cause: Arc::new(cause) })?;
        let text = text.strip_prefix('\u{FEFF}').unwrap_or(&text);
        let is_json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
        let document = if is_json { json::read(text) } else { toml::read(text) };
        self.document(&path.display().to_string(), text, document, table)
    }

    /// A TOML text over what is there; `name` is how errors call it.
    ///
    /// # Errors
    /// All mistakes of the text, each with its place and what to try.
    pub fn toml(self, name: &str, text: &str) -> Result<Self, SettingsError> {
        self.document(name, text, toml::read(text), "")
    }

    /// A JSON text over what is there, as [`toml`](Self::toml).
    ///
    /// # Errors
    /// As there.
    pub fn json(self, name: &str, text: &str) -> Result<Self, SettingsError> {
        self.document(name, text, json::read(text), "")
    }

    /// Variables of the process's environment over what is there: `PREFIX_MAX_SIZE` for `max_size`, `PREFIX_BREAKER_PROBES` for
    /// `breaker.probes`.
    ///
    /// # Errors
    /// For a variable that begins with `PREFIX_` and is no setting, and for a value that is none of its setting.
    pub fn env(self, prefix: &str) -> Result<Self, SettingsError> {
        self.vars(prefix, std::env::vars_os())
    }

    /// As [`env`](Self::env), with these variables.
    ///
    /// # Errors
    /// As there.
    pub fn vars<N: Into<OsString>, V: Into<OsString>>(
        mut self,
        prefix: &str,
        vars: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, SettingsError> {
        self.layers += 1;
        let variable = |name: &str| format!("{prefix}_{}", name.replace('.', "_").to_uppercase());
        for (name, value) in vars {
            let name = name.into().to_string_lossy().into_owned();
            if !name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('_')) {
                continue;
            }
            let origin = Origin::Variable(name.clone());
            let Some(row) = ROWS.iter().position(|row| variable(row.name) == name) else {
                let known: Vec<_> = ROWS.iter().map(|row| variable(row.name)).collect();
                let hint = hint(&name, known.iter().map(String::as_str));
                return Err(SettingsError::Unknown { origin, name, hint });
            };
            let value = value.into().to_string_lossy().into_owned();
            self = self.give(row, Given::Word(value), origin)?;
        }
        Ok(self)
    }

    /// One setting over what is there, as it would stand in a variable: for a command line.
    ///
    /// # Errors
    /// For a name that no setting has, and a value that is none of it.
    pub fn set(mut self, name: &str, value: &str) -> Result<Self, SettingsError> {
        self.layers += 1;
        let Some(row) = find(name) else {
            let hint = hint(name, ROWS.iter().map(|row| row.name));
            return Err(SettingsError::Unknown { origin: Origin::Program, name: name.to_owned(), hint });
        };
        self.give(row, Given::Word(value.to_owned()), Origin::Program)
    }

    /// The configuration that all of it comes to, validated.
    ///
    /// # Errors
    /// [`SettingsError::Refused`] for what [`Builder::build`](crate::Builder::build) would refuse, with the place it came from.
    pub fn config(&self) -> Result<PoolConfig, SettingsError> {
        let config = self.unchecked()?;
        config.validate().map_err(|error| self.refused(error))?;
        Ok(config)
    }

    /// What is refused, and where it came from. If it is for another's sake, that one is named too: what nobody has set is refused only so.
    fn refused(&self, error: ConfigError) -> SettingsError {
        let own = self.origin(error.field);
        let passes_without = |cause: &Entry| {
            let mut others = self.clone();
            others.given.retain(|entry| entry.row != cause.row);
            let refused = others.unchecked().map(|config| config.validate().err());
            refused.is_ok_and(|refused| refused.is_none_or(|refused| refused.field != error.field))
        };
        let cause = |entry: &&Entry| ROWS[entry.row].name != error.field && passes_without(entry);
        let Some(cause) = self.given.iter().find(cause) else { return SettingsError::Refused { origin: own, error } };
        let said = format!("{} = {}", ROWS[cause.row].name, cause.given);
        let (origin, said) = match own {
            Origin::Default => (cause.origin.clone(), said),
            own => (own, format!("{said} ({})", cause.origin)),
        };
        let rule = format!("{}, because of {said}", error.rule).into();
        SettingsError::Refused { origin, error: ConfigError { rule, ..error } }
    }

    /// Where the value of this setting came from.
    pub fn origin(&self, name: &str) -> Origin {
        let said = self.given.iter().find(|entry| ROWS[entry.row].name == name);
        said.map_or(Origin::Default, |entry| entry.origin.clone())
    }

    /// Every setting there is, as it stands.
    ///
    /// # Errors
    /// As [`config`](Self::config), but for what only validation finds.
    pub fn all(&self) -> Result<Vec<Setting>, SettingsError> {
        let config = self.unchecked()?;
        let setting = |row: &super::options::Row| Setting {
            name: row.name,
            about: row.about,
            value: (row.get)(&config).map(|value| value.to_string()),
            origin: self.origin(row.name),
            fixed: row.fixed(),
        };
        Ok(ROWS.iter().map(setting).collect())
    }

    fn unchecked(&self) -> Result<PoolConfig, SettingsError> {
        let mut config = self.base.clone();
        let mut given: Vec<_> = self.given.iter().collect();
        given.sort_by_key(|entry| entry.row);
        for Entry { row, given, origin, .. } in given {
            let row = &ROWS[*row];
            (row.set)(&mut config, given).map_err(|unfit| match unfit {
                Unfit::Kind => not_its_kind(row, given, origin.clone()),
                Unfit::Useless(why) => SettingsError::Refused {
                    origin: origin.clone(),
                    error: ConfigError {
                        field: row.name,
                        value: given.to_string(),
                        rule: format!("it has no effect while {why}").into(),
                    },
                },
            })?;
        }
        Ok(config)
    }

    /// Puts one value over what is there.
    pub(super) fn give(mut self, row: usize, given: Given, origin: Origin) -> Result<Self, SettingsError> {
        let (name, layer) = (ROWS[row].name, self.layers);
        if !fits(row, &given) {
            return Err(not_its_kind(&ROWS[row], &given, origin));
        }
        let against = |entry: &Entry| contradict((name, &given), (ROWS[entry.row].name, &entry.given));
        if let Some(other) = self.given.iter().find(|entry| entry.layer == layer && against(entry)) {
            let (other, other_origin) = (ROWS[other.row].name, other.origin.clone());
            return Err(SettingsError::Contradiction { origin, name, other, other_origin });
        }
        self.given.retain(|entry| entry.row != row && !against(entry));
        self.given.push(Entry { row, given, origin, layer });
        Ok(self)
    }

    pub(super) fn layer(mut self) -> Self {
        self.layers += 1;
        self
    }

    fn document(
        self,
        name: &str,
        text: &str,
        (root, mistakes): (Node, Vec<Mistake>),
        table: &str,
    ) -> Result<Self, SettingsError> {
        let whole: Arc<str> = text.into();
        let mut reader = Reader { found: Vec::new(), mistakes };
        // What the parser stumbled over is not worth a second mistake for what it could not see.
        if reader.mistakes.is_empty() {
            match within(&root, table) {
                Some(node) => reader.read(node, ""),
                None => reader.mistake(0, format!("there is no table [{table}]"), "add it, or name another"),
            }
        }
        if !reader.mistakes.is_empty() {
            let placed = reader.mistakes.into_iter().map(|mistake| mistake.of(&whole)).collect();
            return Err(SettingsError::File { name: name.into(), errors: FileErrors::new(placed) });
        }
        let file: Arc<str> = name.into();
        let mut settings = self.layer();
        for (row, given, at) in reader.found {
            let line = text[..at.min(text.len())].matches('\n').count() + 1;
            settings = settings.give(row, given, Origin::File { name: Arc::clone(&file), line })?;
        }
        Ok(settings)
    }
}

fn fits(row: usize, given: &Given) -> bool {
    !matches!((ROWS[row].set)(&mut PoolConfig::default(), given), Err(Unfit::Kind))
}

fn not_its_kind(row: &super::options::Row, given: &Given, origin: Origin) -> SettingsError {
    SettingsError::Value { origin, name: row.name, value: given.to_string(), what: (row.what)() }
}

/// The node of a table by its name, with dots.
fn within<'n>(root: &'n Node, table: &str) -> Option<&'n Node> {
    table.split('.').filter(|part| !part.is_empty()).try_fold(root, |node, part| match &node.value {
        Value::Table(entries) => entries.iter().find(|(key, _)| key.text == part).map(|(_, node)| node),
        _ => None,
    })
}

fn hint<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    match nearest(name, known) {
        Some(meant) => format!("did you mean {meant}?"),
        None => "slackwater config options lists all there are".to_owned(),
    }
}

/// Collects what a file says, and all that is wrong with it.
struct Reader {
    found: Vec<(usize, Given, usize)>,
    mistakes: Vec<Mistake>,
}

impl Reader {
    fn mistake(&mut self, at: usize, what: impl Into<String>, hint: impl Into<String>) {
        self.mistakes.push(Mistake::new("", 0, what, hint).placed(at));
    }

    fn read(&mut self, node: &Node, path: &str) {
        let Value::Table(entries) = &node.value else {
            return self.mistake(
                node.at.start,
                format!("this is {}, not a table of settings", node.kind()),
                "name a table",
            );
        };
        for (key, node) in entries {
            let name = if path.is_empty() { key.text.clone() } else { format!("{path}.{}", key.text) };
            self.entry(key, node, &name);
        }
    }

    fn entry(&mut self, key: &Key, node: &Node, name: &str) {
        let given = match &node.value {
            Value::Flag(flag) => Given::Flag(*flag),
            Value::Number(digits) => Given::Number(digits.clone()),
            Value::Text(text) => Given::Text(text.clone()),
            Value::Table(_) if ROWS.iter().any(|row| is_part(row.name, name)) => return self.read(node, name),
            Value::Table(_) | Value::Other(_) => {
                let what = find(name)
                    .map_or_else(|| format!("there is no setting {name:?}"), |_| format!("{name} is {}", node.kind()));
                let hint = find(name).map_or_else(|| self.hint(name), |row| format!("it is {}", (ROWS[row].what)()));
                return self.mistake(key.at, what, hint);
            }
        };
        let Some(row) = find(name) else {
            let hint = self.hint(name);
            return self.mistake(key.at, format!("there is no setting {name:?}"), hint);
        };
        if fits(row, &given) {
            self.found.push((row, given, node.at.start));
        } else {
            self.mistake(node.at.start, format!("{name} is {given}"), format!("it is {}", (ROWS[row].what)()));
        }
    }

    fn hint(&self, name: &str) -> String {
        hint(name, ROWS.iter().map(|row| row.name))
    }
}

fn is_part(name: &str, table: &str) -> bool {
    name.strip_prefix(table).is_some_and(|rest| rest.starts_with('.'))
}
