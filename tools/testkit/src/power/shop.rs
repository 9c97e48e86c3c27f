use std::path::Path;

use super::recorder::{Life, Recorder};
use super::recording::Recording;
use crate::build::program;
use crate::client::{Client, Whereabouts};
use crate::process::ADMINISTRATOR;
use crate::shop::furnish;

/// The program itself with a shop in it, recorded from the first file it makes. A [`crate::Branch`] whose disk is known.
pub struct RecordedShop {
    recorder: Recorder,
    data: String,
    password: String,
    whereabouts: Whereabouts,
    life: Option<Life>,
}

impl RecordedShop {
    /// Where its data is, below the folder that is watched. Folders above it are made by the program too.
    pub const DATA: &str = "shops/first";

    /// Opens one; see [`Recorder::serve`] for `dies_at`.
    pub async fn open(mut recorder: Recorder, dies_at: Option<u32>) -> Self {
        let data = recorder.root().join(Self::DATA).to_string_lossy().into_owned();
        let password = recorder.run(&program(), &["admin", "create", ADMINISTRATOR, "--data", &data], &[]);
        let password = password.trim().to_owned();
        let mut shop = Self { recorder, data, password, whereabouts: Whereabouts::default(), life: None };
        shop.reopen(dies_at).await;
        furnish(&shop.staff().await).await;
        shop
    }

    /// Opens the one that a recording has left, for guests.
    pub async fn resume(recorder: Recorder) -> Self {
        let data = recorder.root().join(Self::DATA).to_string_lossy().into_owned();
        let whereabouts = Whereabouts::default();
        let mut shop = Self { recorder, data, password: String::new(), whereabouts, life: None };
        shop.reopen(None).await;
        shop
    }

    /// Opens it again after it has ended.
    pub async fn reopen(&mut self, dies_at: Option<u32>) {
        assert!(self.life.is_none(), "it is open");
        let life = self.recorder.serve(&["--data", &self.data, "--test-provider"], dies_at).await;
        life.found_at(&self.whereabouts);
        self.life = Some(life);
    }

    /// Waits until it dies of itself.
    pub async fn died(&mut self) {
        let life = self.life.take().expect("it is open");
        self.recorder.ended(life).await;
    }

    /// Closes it in good order.
    pub async fn close(&mut self) {
        self.life.as_ref().expect("it is open").terminate();
        self.died().await;
    }

    /// Kills the process, though the machine goes on.
    pub async fn kill_9(&mut self) {
        self.life.as_ref().expect("it is open").kill_9();
        self.died().await;
    }

    /// The size of one of its files at present, bytes; nought if it is not there.
    pub fn size_of(&self, file: &str) -> u64 {
        std::fs::metadata(Path::new(&self.data).join(file)).map_or(0, |file| file.len())
    }

    /// A guest of its API.
    pub fn guest(&self) -> Client {
        Client::new(self.whereabouts.clone())
    }

    /// Its administrator, logged in.
    pub async fn staff(&self) -> Client {
        self.guest().log_in(ADMINISTRATOR, &self.password).await
    }

    /// All that happened.
    pub fn finish(self) -> Recording {
        assert!(self.life.is_none(), "it is open");
        self.recorder.finish()
    }
}
