//! The command line.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::num::ParseFloatError;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use gleis_agent::LogLevel;
use gleis_core::Endpoint;

/// Name servers, hubs, bridges and sockets from a shell.
#[derive(Debug, Parser)]
#[command(name = "gleis", version, arg_required_else_help = true, max_term_width = 100)]
pub(crate) struct Cli {
    /// Print one JSON value a line
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Seconds to wait for the other side
    #[arg(long, global = true, default_value = "10", value_parser = seconds, value_name = "SECONDS")]
    pub(crate) timeout: Duration,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Agents: who runs, and how
    #[command(subcommand)]
    Agent(Agent),
    /// Attributes of agents
    #[command(subcommand)]
    Attr(Attr),
    /// How fast two endpoints are
    #[command(subcommand)]
    Bench(Bench),
    /// Messages of a hub for web pages
    #[command(subcommand)]
    Bridge(Bridge),
    /// Call a method of an agent
    Call(Call),
    /// Completions for a shell
    Completions {
        /// Which one
        shell: Shell,
    },
    /// Print what agents were to do and will not
    DeadLetters(DeadLetters),
    /// See what may be wrong: limits, the name server, its agents
    Doctor {
        /// Where the name server is
        #[arg(long, env = "GLEIS_NAMESERVER", value_name = "ENDPOINT")]
        ns: Option<Endpoint>,
    },
    /// Commands that a server declares; as the program `engineer`
    #[command(disable_help_flag = true)]
    Engineer {
        /// As those of `engineer`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
        words: Vec<OsString>,
    },
    /// Show who talks to whom, how much, and what is lost
    Graph(Graph),
    /// A hub: what any application sends, all get
    #[command(subcommand)]
    Hub(Hub),
    /// Print what agents log; they go on logging where they did
    Logs(Logs),
    /// Write the pages of the manual into a folder
    Man {
        /// Which folder; it is made if it is not there
        folder: PathBuf,
    },
    /// Methods of agents
    #[command(subcommand)]
    Method(Method),
    /// A name server: who is where
    #[command(subcommand)]
    Ns(Ns),
    /// Answer requests
    Rep(Rep),
    /// Ask, and print the answer
    Req(Req),
    /// Run a name server with agents that do something, to look at, until Ctrl-C
    Run(Run),
    /// Push messages
    Send(Send),
    /// Subscribe, and print what comes
    Sub(Sub),
    /// Show all agents and their sockets, live
    Top(Top),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Ns {
    /// Run a name server until Ctrl-C
    Run {
        /// Where it listens
        #[arg(long, default_value = "tcp://127.0.0.1:0", value_name = "ENDPOINT")]
        listen: Endpoint,
    },
    /// Print what is registered
    List(NameServer),
    /// End a name server, and with it whoever is registered
    Shutdown(NameServer),
}

#[derive(Args, Debug)]
pub(crate) struct Graph {
    #[command(flatten)]
    pub(crate) at: NameServer,
    /// As what
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: GraphFormat,
    /// Seconds over which rates are measured; 0 for none
    #[arg(long, default_value = "1", value_parser = seconds, value_name = "SECONDS")]
    pub(crate) over: Duration,
}

/// How a graph is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum GraphFormat {
    /// For Graphviz
    Dot,
    /// For Mermaid
    Mermaid,
    /// For people
    Text,
}

/// What is read of agents.
#[derive(Args, Debug)]
pub(crate) struct Reading {
    /// Of which agent; of all if none is named
    pub(crate) name: Option<String>,
    /// Print what comes, too, until Ctrl-C
    #[arg(long, short)]
    pub(crate) follow: bool,
    #[command(flatten)]
    pub(crate) at: NameServer,
}

#[derive(Args, Debug)]
pub(crate) struct DeadLetters {
    #[command(flatten)]
    pub(crate) reading: Reading,
}

#[derive(Args, Debug)]
pub(crate) struct Logs {
    #[command(flatten)]
    pub(crate) reading: Reading,
    /// Only what is as grave as this: debug, info, warning or error
    #[arg(long, default_value = "debug", value_name = "LEVEL")]
    pub(crate) level: LogLevel,
}

#[derive(Args, Debug)]
pub(crate) struct Run {
    /// Where the name server listens
    #[arg(long, default_value = "tcp://127.0.0.1:0", value_name = "ENDPOINT")]
    pub(crate) listen: Endpoint,
}

#[derive(Args, Debug)]
pub(crate) struct Top {
    #[command(flatten)]
    pub(crate) at: NameServer,
    /// Seconds between two looks
    #[arg(long, default_value = "2", value_parser = pause, value_name = "SECONDS")]
    pub(crate) every: Duration,
    /// Print it once, and end
    #[arg(long)]
    pub(crate) once: bool,
}

/// Which name server.
#[derive(Args, Debug)]
pub(crate) struct NameServer {
    /// Where the name server is
    #[arg(long, env = "GLEIS_NAMESERVER", value_name = "ENDPOINT")]
    pub(crate) ns: Endpoint,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Agent {
    /// Print who is there, and in what state
    List(NameServer),
    /// Print the state of an agent, its sockets, timers, attributes and methods
    Info(OneAgent),
    /// Have an agent do nothing more, but stay to be looked at
    Stop(OneAgent),
    /// End an agent
    Shutdown(OneAgent),
    /// End an agent at once, whatever it does
    Kill(OneAgent),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// Answer what is measured, until Ctrl-C
    Serve {
        /// Where to listen
        #[arg(default_value = "tcp://127.0.0.1:0")]
        at: Endpoint,
    },
    /// Measure the time of an answer, and how many come in a second
    Run {
        /// Where `gleis bench serve`, or any REP that answers with what it was asked, listens
        to: Endpoint,
        /// How many requests
        #[arg(long, default_value_t = 10_000, value_name = "N")]
        count: u64,
        /// How many bytes each has
        #[arg(long, default_value_t = 64, value_name = "BYTES")]
        size: usize,
        /// How many are in flight at a time
        #[arg(long, default_value_t = 64, value_name = "N")]
        in_flight: usize,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Attr {
    /// Print the value of an attribute
    Get {
        #[command(flatten)]
        of: OneAgent,
        /// Which one
        attribute: String,
    },
    /// Print all attributes
    List(OneAgent),
    /// Set an attribute
    Set {
        #[command(flatten)]
        of: OneAgent,
        /// Which one
        attribute: String,
        /// JSON, or text if it is none
        #[arg(allow_hyphen_values = true)]
        value: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Method {
    /// Print what can be called, and what it takes
    List(OneAgent),
    /// Take a script away from an agent
    Remove {
        #[command(flatten)]
        of: OneAgent,
        /// The name of the method
        method: String,
        #[command(flatten)]
        key: ScriptKey,
    },
    /// Print the text of a script
    Source {
        #[command(flatten)]
        of: OneAgent,
        /// The name of the method
        method: String,
    },
    /// Give an agent one of its functions, or a script, as a method
    Set {
        #[command(flatten)]
        of: OneAgent,
        /// The name of the method
        method: String,
        /// The function, as its program registered it
        #[arg(required_unless_present = "script", conflicts_with = "script")]
        function: Option<String>,
        /// A file with a script, - for the standard input
        #[arg(long, value_name = "FILE")]
        script: Option<PathBuf>,
        #[command(flatten)]
        key: ScriptKey,
    },
}

/// What one must know to define scripts.
#[derive(Args, Debug)]
pub(crate) struct ScriptKey {
    /// The key for scripts, if the agent wants one
    #[arg(
        long = "script-key",
        env = "GLEIS_SCRIPT_KEY",
        hide_env_values = true,
        value_name = "KEY"
    )]
    pub(crate) script_key: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct OneAgent {
    /// Whose name it is
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) at: NameServer,
}

#[derive(Args, Debug)]
pub(crate) struct Call {
    /// Which agent
    pub(crate) name: String,
    /// Which method
    pub(crate) method: String,
    /// The arguments in order: JSON, or text if it is none; behind -- if one begins with a hyphen
    #[arg(allow_negative_numbers = true)]
    pub(crate) arguments: Vec<String>,
    #[command(flatten)]
    pub(crate) at: NameServer,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Hub {
    /// Run a hub until Ctrl-C; it prints its addresses
    Run {
        /// Let other machines in
        #[arg(long)]
        public: bool,
        /// The host that its addresses name
        #[arg(long, value_name = "HOST")]
        advertise: Option<String>,
    },
    /// Print the messages of a hub as they come
    Tail {
        /// Where the hub publishes
        #[arg(long, env = "GLEIS_HUB_BROADCAST", value_name = "ENDPOINT")]
        broadcast: Endpoint,
        /// End after so many messages
        #[arg(long, value_name = "N")]
        count: Option<u64>,
    },
    /// Send a message to all applications
    Send {
        /// Where the hub listens
        #[arg(long, env = "GLEIS_HUB_RECEIVE", value_name = "ENDPOINT")]
        receive: Endpoint,
        /// A JSON object with a "type"
        message: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Bridge {
    /// Run a bridge until Ctrl-C; it prints its address
    Run(BridgeRun),
}

#[derive(Args, Debug)]
pub(crate) struct BridgeRun {
    /// Where it listens
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDRESS")]
    pub(crate) listen: SocketAddr,
    /// Where the hub publishes and listens; without it the bridge has a hub of its own
    #[arg(long, num_args = 2, value_names = ["BROADCAST", "RECEIVE"])]
    pub(crate) hub: Option<Vec<Endpoint>>,
    /// A token that requests need
    #[arg(long, env = "GLEIS_BRIDGE_TOKEN", hide_env_values = true)]
    pub(crate) token: Vec<String>,
    /// An origin whose pages may ask
    #[arg(long, value_name = "ORIGIN")]
    pub(crate) allow_origin: Vec<String>,
    /// A name under which it is asked
    #[arg(long, value_name = "NAME")]
    pub(crate) allow_host: Vec<String>,
    /// Keep the messages in this file, and go on with what it has
    #[arg(long, value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,
    /// A name server whose agents are shown on the page, and may be called: POST /call/AGENT/METHOD
    #[arg(long, value_name = "ENDPOINT")]
    pub(crate) ns: Option<Endpoint>,
    /// A server of calls by name that may be called: POST /call/NAME/METHOD
    #[arg(long, value_name = "NAME=URL")]
    pub(crate) rpc: Vec<Named>,
}

/// A server and what it is called.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) url: String,
}

impl FromStr for Named {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, url)) if !name.is_empty() && !name.contains('/') => {
                Ok(Self { name: name.to_owned(), url: url.to_owned() })
            }
            _ => Err("it is NAME=URL, such as calc=zmq://127.0.0.1:7050/req".to_owned()),
        }
    }
}

#[derive(Args, Debug)]
pub(crate) struct Send {
    /// Where a PULL listens
    pub(crate) to: Endpoint,
    /// The messages; lines of the standard input if there is none
    pub(crate) messages: Vec<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Sub {
    /// Where a PUB publishes
    pub(crate) from: Endpoint,
    /// What topics begin with; all if none is named
    pub(crate) prefixes: Vec<String>,
    /// End after so many messages
    #[arg(long, value_name = "N")]
    pub(crate) count: Option<u64>,
}

#[derive(Args, Debug)]
pub(crate) struct Req {
    /// Where a REP listens
    pub(crate) to: Endpoint,
    /// What to ask
    pub(crate) message: String,
}

#[derive(Args, Debug)]
pub(crate) struct Rep {
    /// Where to listen
    pub(crate) at: Endpoint,
    /// What to answer; what was asked if nothing is named
    #[arg(long, value_name = "TEXT")]
    pub(crate) answer: Option<String>,
    /// End after so many requests
    #[arg(long, value_name = "N")]
    pub(crate) count: Option<u64>,
}

pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|it: ParseFloatError| it.to_string())?;
    Duration::try_from_secs_f64(seconds).map_err(|it| it.to_string())
}

/// A time between two looks, a tenth of a second at least.
fn pause(text: &str) -> Result<Duration, String> {
    match seconds(text)? {
        pause if pause < Duration::from_millis(100) => Err("0.1 at least".to_owned()),
        pause => Ok(pause),
    }
}
