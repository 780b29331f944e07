//! Configuration of a replica: flags, environment variables and a TOML file, in that order of precedence.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

/// How a replica runs.
#[derive(Debug, Clone, Args)]
#[group(skip)]
pub struct Config {
    /// PostgreSQL to use, such as `postgres://user:password@host/database`. A direct address:
    /// a pooler is refused.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,

    /// PostgreSQL to read lists and history from: a standby of `--database-url`, a pooler or not. While it is
    /// away or too far behind they come from `--database-url`.
    #[arg(
        long,
        env = "ANTARES_READ_DATABASE_URL",
        value_name = "READ_DATABASE_URL",
        hide_env_values = true
    )]
    pub read_database_url: Option<String>,

    /// Run a private PostgreSQL in the data folder instead of using `--database-url`: for one machine.
    #[arg(long, env = "ANTARES_EMBEDDED")]
    pub embedded: bool,

    /// Folder of the private PostgreSQL; it persists.
    #[arg(
        long,
        env = "ANTARES_DATA_DIR",
        value_name = "FOLDER",
        default_value = "antares-data"
    )]
    pub data_dir: PathBuf,

    /// Namespace, which is a schema of the database: several installations can share a database.
    #[arg(long, env = "ANTARES_NAMESPACE", value_name = "NAME", default_value = "antares", value_parser = parse_namespace)]
    pub namespace: String,

    /// Address to listen on. Port 0 takes a free one.
    #[arg(
        long,
        env = "ANTARES_LISTEN",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:22122"
    )]
    pub listen: SocketAddr,

    /// Failover wait: how long a server or client may be silent before its work goes to others; a client that holds nothing, six times as long. 1s to 10m.
    #[arg(long, env = "ANTARES_FAILOVER_WAIT", value_name = "DURATION", default_value = "10s", value_parser = parse_failover_wait)]
    pub failover_wait: Duration,

    /// How late a tick may fire. Of ticks that are later, only the latest fires. 0s to 24h.
    #[arg(long, env = "ANTARES_MISFIRE_THRESHOLD", value_name = "DURATION", default_value = "5s", value_parser = parse_misfire_threshold)]
    pub misfire_threshold: Duration,

    /// Most connections to PostgreSQL, 4 to 100. Two of them are for membership and notifications.
    #[arg(long, env = "ANTARES_POOL_SIZE", value_name = "NUMBER", default_value_t = 12, value_parser = clap::value_parser!(u32).range(4..=100))]
    pub pool_size: u32,

    /// How many days history is kept, 1 to 36500.
    #[arg(long, env = "ANTARES_RETENTION_DAYS", value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(i32).range(1..=36500))]
    pub retention_days: i32,

    /// Password of the user `admin`. Left out, one is generated and printed at the first start.
    #[arg(
        long,
        env = "ANTARES_ADMIN_PASSWORD",
        value_name = "PASSWORD",
        hide_env_values = true
    )]
    pub admin_password: Option<String>,

    /// Whether session cookies are sent over TLS only: set it when a proxy serves the console over HTTPS.
    #[arg(long, env = "ANTARES_SECURE_COOKIES")]
    pub secure_cookies: bool,

    /// Form of the log.
    #[arg(
        long,
        env = "ANTARES_LOG_FORMAT",
        value_name = "FORMAT",
        default_value = "text"
    )]
    pub log_format: LogFormat,

    /// What to log: a level, or a filter such as `info,antares_server=debug`.
    #[arg(
        long,
        env = "ANTARES_LOG",
        value_name = "FILTER",
        default_value = "info"
    )]
    pub log: String,

    /// Stop when standard input closes: for programs that start a server and must not leave it behind.
    #[arg(long, hide = true)]
    pub stop_with_stdin: bool,

    /// TOML file with any of these options, such as `listen = "0.0.0.0:22122"`.
    #[arg(long, env = "ANTARES_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Checks a namespace: a plain identifier, so that it can stand in SQL.
pub fn parse_namespace(text: &str) -> Result<String, String> {
    let plain = text
        .chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    let led = text.starts_with(|c: char| c.is_ascii_lowercase());
    if plain && led && text.len() <= 48 && !text.starts_with("pg_") {
        Ok(text.to_owned())
    } else {
        Err("use 1 to 48 lower-case letters, digits and `_`, a letter first, and not `pg_`".into())
    }
}

/// Reads a duration such as `10s`, `500ms` or `5m`.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|cause| format!("{cause}; write one like 10s, 500ms or 5m"))
}

fn parse_failover_wait(text: &str) -> Result<Duration, String> {
    within(text, Duration::from_secs(1), Duration::from_mins(10))
}

fn parse_misfire_threshold(text: &str) -> Result<Duration, String> {
    within(text, Duration::ZERO, Duration::from_hours(24))
}

fn within(text: &str, least: Duration, most: Duration) -> Result<Duration, String> {
    let duration = parse_duration(text)?;
    if (least..=most).contains(&duration) {
        Ok(duration)
    } else {
        Err(format!(
            "must be {} to {}",
            humantime::format_duration(least),
            humantime::format_duration(most)
        ))
    }
}

/// How much longer the lease of a client is that holds nothing.
const IDLE: u32 = 6;

impl Config {
    /// The lease in milliseconds, as SQL takes it.
    pub fn lease_ms(&self) -> i64 {
        self.failover_wait.as_millis() as i64
    }

    /// How often leases are renewed: three tries before one ends.
    pub fn renew_every(&self) -> Duration {
        self.failover_wait / 3
    }

    /// As [`Config::lease_ms`], of a client that holds nothing. There is nothing to give to others when it dies, and
    /// thousands of them wait.
    pub fn idle_lease_ms(&self) -> i64 {
        self.lease_ms() * i64::from(IDLE)
    }

    /// As [`Config::renew_every`], of a client that holds nothing.
    pub fn idle_renew_every(&self) -> Duration {
        self.renew_every() * IDLE
    }
}

/// Makes the values of a TOML file the defaults of `command`'s options, below flags and environment.
pub fn apply_file(mut command: clap::Command, path: &Path) -> Result<clap::Command, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|cause| format!("config: cannot read {}: {cause}", path.display()))?;
    let table: toml::Table = text.parse().map_err(|cause: toml::de::Error| {
        let line = cause
            .span()
            .map_or(1, |span| 1 + text[..span.start].matches('\n').count());
        let message = cause.message().replace('\n', "; ");
        format!(
            "config: {} line {line} is not TOML: {message}",
            path.display()
        )
    })?;
    for (key, value) in table {
        let id = key.replace('-', "_");
        let known = command
            .get_arguments()
            .any(|arg| arg.get_id().as_str() == id && id != "config");
        if !known {
            return Err(format!(
                "config: {}: there is no option `{key}`",
                path.display()
            ));
        }
        let text = match value {
            toml::Value::String(text) => text,
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Boolean(flag) => flag.to_string(),
            _ => {
                return Err(format!(
                    "config: {}: `{key}` must be a string, a number or true/false",
                    path.display()
                ));
            }
        };
        command = command.mut_arg(id, |arg| arg.default_value(text));
    }
    Ok(command)
}
