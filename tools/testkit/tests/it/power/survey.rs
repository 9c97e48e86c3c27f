//! Looks at the disk after many cuts.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::time::Duration;

use shoal_contract::orders::OrderId;
use shoal_contract::products::ProductId;
use shoal_testkit::power::{Cut, Fate, Image, Promise, RecordedShop, Recording, broken, scratch};
use shoal_testkit::{Books, Client, Process, eventually};
use shoal_types::{Rng, SeededRng};

use super::{cancelled, lost};

/// How soon after a start no saga is under way any more.
const SETTLED_WITHIN: Duration = Duration::from_secs(20);
/// The same seed finds the same on the disk.
const SEED: u64 = 20_261_122;

/// What was found over many cuts.
pub(super) struct Survey {
    cuts: usize,
    images: usize,
    /// Acknowledgements that were looked up, over all images.
    checks: usize,
    wrong: Vec<String>,
    /// Where a cut came, and how often something was wrong then.
    wrong_at: BTreeMap<String, usize>,
    recover: Vec<Found>,
    cancelled: HashSet<OrderId>,
}

/// A disk found after a cut.
pub(super) struct Found {
    pub(super) what: String,
    pub(super) image: Image,
    /// All that had been promised before.
    pub(super) promises: Vec<Promise>,
}

impl Survey {
    /// Looks at the disk after every cut that is `chosen`, once for each fate of what was not durable. Of so many
    /// images one is kept, to be recovered later.
    pub(super) fn of(recording: &Recording, chosen: impl Fn(&Cut<'_>) -> bool, recover_one_of: u32) -> Self {
        let (wrong, wrong_at, recover) = (Vec::new(), BTreeMap::new(), Vec::new());
        let cancelled = cancelled(recording);
        let mut survey = Self { cuts: 0, images: 0, checks: 0, wrong, wrong_at, recover, cancelled };
        let rng: &dyn Rng = &SeededRng::new(SEED);
        recording.cuts(|cut| {
            if chosen(cut) {
                survey.cuts += 1;
                let scattered = [Fate::Scattered(512), Fate::Scattered(4096)][cut.number % 2];
                for fate in [Fate::Forgotten, Fate::Kept, Fate::Torn, scattered] {
                    let image = cut.image(fate, rng);
                    let what = survey.look(cut, fate, &image);
                    if rng.below(recover_one_of) == 0 {
                        survey.recover.push(Found { what, image, promises: cut.promises.to_vec() });
                    }
                }
            }
        });
        survey
    }

    fn look(&mut self, cut: &Cut<'_>, fate: Fate, image: &Image) -> String {
        let at = cut.syncing.map_or("the end".to_owned(), |path| format!("the sync of {}", path.display()));
        let what = format!("cut {} before {at}, {fate:?}", cut.number);
        let wrong = lost(cut, image, Path::new(RecordedShop::DATA), &self.cancelled);
        if !wrong.is_empty() {
            *self.wrong_at.entry(at).or_default() += 1;
        }
        self.images += 1;
        self.checks += cut.promises.len();
        self.wrong.extend(wrong.into_iter().map(|wrong| format!("{what}: {wrong}")));
        what
    }

    /// Passes if nothing was wrong, and opens the images that were kept with the program: every saga ends, the books
    /// balance, and nothing acknowledged is missing then either.
    pub(super) async fn passes(self) {
        let first: Vec<_> = self.wrong.iter().take(10).map(String::as_str).collect();
        assert!(first.is_empty(), "{} losses {:?}\n{}", self.wrong.len(), self.wrong_at, first.join("\n"));
        let recovered = self.recover.len();
        for found in self.recover {
            found.recovers(&self.cancelled).await;
        }
        let Self { cuts, images, checks, .. } = self;
        println!(
            "{cuts} cuts, {images} images, {checks} acknowledgements checked, {recovered} shops recovered"
        );
    }
}

impl Found {
    /// Opens it with the program: every saga ends, the books balance, nothing acknowledged is missing, and every product
    /// is found by its title.
    pub(super) async fn recovers(self, cancelled: &HashSet<OrderId>) {
        let folder = scratch();
        self.image.write_to(folder.path()).expect("the image can be written");
        let data = folder.path().join(RecordedShop::DATA);
        let path = data.to_str().expect("a test's folder has a plain name");
        let mut process = Process::serve(&["--data", path, "--test-provider"]).await;
        Books::settled(path, SETTLED_WITHIN).await;
        let lost = broken(&data, &self.promises, cancelled);
        assert!(lost.is_empty(), "{}, after recovery:\n{}", self.what, lost.join("\n"));
        for promise in &self.promises {
            if let Promise::Product(product) = promise {
                is_found(&process.guest(), *product, &self.what).await;
            }
        }
        process.kill_9();
    }
}

async fn is_found(guest: &Client, product: ProductId, what: &str) {
    let title = guest.get(format!("/v1/products/{product}")).await.expect(200).text("/title");
    eventually(&format!("{what}: {title} is found"), async || {
        let found = guest.get(format!("/v1/search?q={title}")).await.expect(200);
        found.to_string().contains(&product.to_string())
    })
    .await;
}
