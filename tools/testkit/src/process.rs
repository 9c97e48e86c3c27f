use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use shoal_sql::testing::Place;
use shoal_types::Secret;

use crate::books::Books;
use crate::build::{Build, program};
use crate::client::{Client, Whereabouts};
use crate::shop::{SOON, furnish, place};

/// What the program says before the address it serves.
const SERVES: &str = "shoal serves http://";
/// The pause between two looks whether a node is there.
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// Who runs the shop.
pub(crate) const ADMINISTRATOR: &str = "admin@example.com";
/// What the test provider's notices are signed with.
pub(crate) const WEBHOOK_SECRET: &str = "the test provider's own";

/// Runs the program with these arguments to its end; what it wrote to standard output and error, and how it ended.
pub fn run(arguments: &[&str]) -> (String, String, ExitStatus) {
    finish(Command::new(program()).args(arguments))
}

/// As [`run`], by a node of that build with these roles.
pub(crate) fn run_as(build: Build, roles: &str, arguments: &[&str]) -> (String, String, ExitStatus) {
    finish(Command::new(build.program()).args(arguments).env("SHOAL_ROLES", roles))
}

fn finish(command: &mut Command) -> (String, String, ExitStatus) {
    let output = command.output().expect("the program can be started");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (text(output.stdout), text(output.stderr), output.status)
}

/// A node in a process of its own, which may be killed. It ends with this value, by its id and no other.
pub struct Process {
    child: Option<Child>,
    build: Build,
    arguments: Vec<String>,
    whereabouts: Whereabouts,
    /// Where it answers other nodes, if it has no public API.
    behind: Option<String>,
    /// Whether it sends webhooks. What comes of them is another thing in each run, so others than their own suite do not.
    webhooks: bool,
}

impl Process {
    /// Starts `shoal serve` with these further arguments, on a free port of this machine.
    ///
    /// # Panics
    /// With what it says if it does not serve soon.
    pub async fn serve(arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        Self::started(Build::Present, arguments, None).await
    }

    /// As [`Process::serve`], of that build; `behind` is where a node without a public API answers other nodes.
    pub(crate) async fn started(build: Build, arguments: Vec<String>, behind: Option<String>) -> Self {
        let serve = ["serve", "--listen", "127.0.0.1:0"].map(str::to_owned);
        let arguments = serve.into_iter().chain(arguments).collect();
        let whereabouts = Whereabouts::default();
        let mut process = Self { child: None, build, arguments, whereabouts, behind, webhooks: false };
        process.start().await;
        process
    }

    /// Sends webhooks the next time it starts.
    pub fn send_webhooks(&mut self) {
        self.webhooks = true;
    }

    /// Takes another build the next time it starts.
    pub fn change_build(&mut self, build: Build) {
        self.build = build;
    }

    /// Starts it again with the same arguments, after it has ended.
    ///
    /// # Panics
    /// With what it says if it does not serve soon.
    pub async fn start(&mut self) {
        self.try_start().await.unwrap_or_else(|said| panic!("it does not serve; it said:\n{said}"));
    }

    /// As [`Process::start`], where it may not serve.
    ///
    /// # Errors
    /// What it said before it ended.
    pub async fn try_start(&mut self) -> Result<(), String> {
        assert!(self.child.is_none(), "it runs");
        let mut command = Command::new(self.build.program());
        command.args(&self.arguments).env("SHOAL_CHECKOUT_WEBHOOK_SECRET", WEBHOOK_SECRET);
        // An earlier build has no such key.
        if self.build == Build::Present {
            command.env("SHOAL_WEBHOOKS_ENABLED", self.webhooks.to_string());
        }
        command.env("SHOAL_LOG_LEVEL", std::env::var("SHOAL_LOG_LEVEL").unwrap_or_else(|_| "error".into()));
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut child = child.expect("the program can be started");
        let said = child.stderr.take().expect("standard error is piped");
        self.child = Some(child);
        if let Some(address) = self.behind.clone() {
            std::thread::spawn(move || drop(listen_for_address(said)));
            answers(&address).await;
            return Ok(());
        }
        let address = tokio::task::spawn_blocking(move || listen_for_address(said)).await;
        let address = address.expect("the listener did not panic");
        if address.is_err() {
            self.kill_9();
        }
        self.whereabouts.moved_to(address?);
        Ok(())
    }

    /// A guest of its API.
    pub fn guest(&self) -> Client {
        Client::new(self.whereabouts.clone())
    }

    /// Where its API is; nowhere for a node without.
    pub(crate) fn whereabouts(&self) -> Option<&Whereabouts> {
        self.behind.is_none().then_some(&self.whereabouts)
    }

    /// Ends it at once, as a power failure would, and waits until it is gone.
    pub fn kill_9(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().expect("it is our child");
        child.wait().expect("it is our child");
    }

    /// Asks it to end in good order and waits for it.
    pub async fn terminate(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("it runs");
        let id = child.id().to_string();
        let told = Command::new("kill").args(["-TERM", &id]).status().expect("kill is there");
        assert!(told.success(), "SIGTERM reaches {id}");
        tokio::task::spawn_blocking(move || child.wait().expect("it is our child")).await.expect("it ends")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself; then there is nothing left to do.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Waits until something listens at this address.
async fn answers(address: &str) {
    let late = tokio::time::Instant::now() + SOON;
    while tokio::net::TcpStream::connect(address).await.is_err() {
        assert!(tokio::time::Instant::now() < late, "nobody answers other nodes at {address}");
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Waits for the line with the address; then goes on reading, so that the program never waits for a reader, and shows
/// what it says with the test's own output.
pub(crate) fn listen_for_address(said: impl Read + Send + 'static) -> Result<String, String> {
    let (found, address) = mpsc::channel();
    std::thread::spawn(move || {
        let mut before = String::new();
        for line in BufReader::new(said).lines().map_while(Result::ok) {
            match line.split_once(SERVES) {
                Some((_, address)) => drop(found.send(Ok(address.trim().to_owned()))),
                None => eprintln!("{line}"),
            }
            before.push_str(&line);
            before.push('\n');
        }
        // Without an address before the end, all it said is why.
        drop(found.send(Err(before)));
    });
    address.recv_timeout(SOON).unwrap_or_else(|_| Err(format!("nothing within {SOON:?}")))
}

/// A node that does everything, on data of its own, with an administrator: a [`Process`] with a shop in it.
pub struct Branch {
    /// The node.
    pub process: Process,
    data: String,
    password: String,
    _place: Option<Place>,
}

impl Branch {
    /// Opens one on a new place, on the engine under test.
    pub async fn start() -> Self {
        let place = place().await;
        let branch = Self::at(place.address()).await;
        Self { _place: Some(place), ..branch }
    }

    /// Opens one on the data at this address, in the words of `--data`, where there is none yet.
    pub async fn at(data: &str) -> Self {
        let (password, said, ended) = run(&["admin", "create", ADMINISTRATOR, "--data", data]);
        assert!(ended.success(), "{said}");
        let process = Process::serve(&["--data", data, "--test-provider"]).await;
        let password = password.trim().to_owned();
        let branch = Self { process, data: data.to_owned(), password, _place: None };
        furnish(&branch.staff().await).await;
        branch
    }

    /// A guest of its API.
    pub fn guest(&self) -> Client {
        self.process.guest()
    }

    /// Its administrator, logged in.
    pub async fn staff(&self) -> Client {
        self.guest().log_in(ADMINISTRATOR, &self.password).await
    }

    /// Where its data is, in the words of `--data`.
    pub fn data(&self) -> &str {
        &self.data
    }

    /// What its payment provider signs notices with.
    pub fn webhook_secret(&self) -> Secret {
        Secret::new(WEBHOOK_SECRET)
    }

    /// Waits until no saga is under way, at most `within`, then looks through the books; panics if they do not
    /// balance.
    pub async fn audit(&self, within: Duration) -> Books {
        Books::settled(&self.data, within).await
    }
}
