use std::time::{Duration, Instant};

use shoal_contract::users::{
    ConfirmPasswordReset, Error, IssuePasswordReset, PasswordReset, RequestPasswordReset, User, UserRef,
    Users as _,
};
use shoal_types::{Fact as _, Secret};

use crate::town::{PASSWORD, Town, credentials, new_user, sql};

const NEXT: &str = "eleven grey wagtails";
const REQUESTED: &str = "user.password_reset_requested";

impl Town {
    async fn forget(&self, email: &str) {
        let request = RequestPasswordReset { email: email.to_owned() };
        self.house.request_password_reset(&self.anonymous(), request).await.expect("noted or not");
    }

    /// What the mail to the user would hold.
    async fn mailed(&self, user: &User) -> PasswordReset {
        self.house
            .issue_password_reset(&self.system(), IssuePasswordReset { user: user.id })
            .await
            .expect("issued")
    }

    async fn confirm(&self, token: &Secret, password: &str) -> Result<(), Error> {
        let request = ConfirmPasswordReset { token: token.clone(), password: Secret::new(password) };
        self.house.confirm_password_reset(&self.anonymous(), request).await
    }

    async fn count_of(&self, kind: &str) -> usize {
        self.events().await.iter().filter(|event| *event == kind).count()
    }
}

#[tokio::test]
async fn who_has_forgotten_chooses_another_and_every_session_ends() {
    let town = Town::start().await;
    let ada = town.register("ada@example.com").await;
    let before = town.log_in("ada@example.com").await;
    town.forget("ADA@example.com").await;
    assert_eq!(town.count_of(REQUESTED).await, 1);
    let reset = town.mailed(&ada).await;
    town.confirm(&reset.token, NEXT).await.expect("chosen");
    assert!(!town.opens(&before.token).await, "whoever knew the old password is out");
    let old = town.house.log_in(&town.anonymous(), credentials("ada@example.com", PASSWORD)).await;
    assert_eq!(old.expect_err("changed"), Error::WrongCredentials {});
    town.house.log_in(&town.anonymous(), credentials("ada@example.com", NEXT)).await.expect("the new one");
    assert_eq!(town.count_of("user.changed").await, 1);
}

#[tokio::test]
async fn a_token_is_good_for_one_password() {
    let town = Town::start().await;
    let ada = town.register("ada@example.com").await;
    town.forget("ada@example.com").await;
    let (one, other) = (town.mailed(&ada).await, town.mailed(&ada).await);
    let chosen =
        tokio::join!(town.confirm(&one.token, NEXT), town.confirm(&one.token, "twelve red kites at noon"));
    assert_eq!([chosen.0, chosen.1].iter().filter(|chosen| chosen.is_ok()).count(), 1);
    assert_eq!(town.confirm(&one.token, NEXT).await, Err(Error::ResetRefused {}));
    assert_eq!(
        town.confirm(&other.token, NEXT).await,
        Err(Error::ResetRefused {}),
        "a password ends them all"
    );
}

#[tokio::test]
async fn an_old_or_forged_token_is_refused() {
    let town = Town::start().await;
    let ada = town.register("ada@example.com").await;
    let login = town.log_in("ada@example.com").await;
    town.forget("ada@example.com").await;
    let reset = town.mailed(&ada).await;
    let mut forged = reset.token.expose().to_owned();
    let last = if forged.ends_with('A') { "B" } else { "A" };
    forged.replace_range(forged.len() - 10..forged.len() - 9, last);
    for wrong in [forged.as_str(), "", "shoal_reset_", login.token.expose()] {
        let refused = town.confirm(&Secret::new(wrong), NEXT).await;
        assert_eq!(refused, Err(Error::ResetRefused {}), "{wrong}");
    }
    town.clock.advance(Duration::from_secs(3_600));
    assert_eq!(town.confirm(&reset.token, NEXT).await, Err(Error::ResetRefused {}));
    assert_eq!(town.house.sweep().await.expect("swept"), 2, "the request and its token");
}

#[tokio::test]
async fn few_tokens_are_good_at_the_same_time() {
    let town = Town::start().await;
    let ada = town.register("ada@example.com").await;
    town.forget("ada@example.com").await;
    let mut mailed = Vec::new();
    for _ in 0..4 {
        town.clock.advance(Duration::from_secs(1));
        mailed.push(town.mailed(&ada).await);
    }
    assert_eq!(town.confirm(&mailed[0].token, NEXT).await, Err(Error::ResetRefused {}));
    town.confirm(&mailed[1].token, NEXT).await.expect("the oldest of three");
}

#[tokio::test]
async fn a_weak_password_leaves_the_token_as_it_is() {
    let town = Town::start().await;
    let ada = town.register("ada@example.com").await;
    town.forget("ada@example.com").await;
    let reset = town.mailed(&ada).await;
    let weak = town.confirm(&reset.token, "password1234").await.expect_err("too easy");
    assert_eq!(weak.code(), "weak_password");
    let short = town.confirm(&reset.token, "short").await.expect_err("too short");
    assert_eq!(short.code(), "invalid_request");
    town.confirm(&reset.token, NEXT).await.expect("still good");
}

#[tokio::test]
async fn an_account_without_a_password_gets_its_first() {
    let town = Town::start().await;
    let request = new_user("ada@example.com");
    let ada = town.house.create_user(&town.system(), request).await.expect("created");
    town.forget("ada@example.com").await;
    town.confirm(&town.mailed(&ada).await.token, NEXT).await.expect("chosen");
    town.house.log_in(&town.anonymous(), credentials("ada@example.com", NEXT)).await.expect("in");
}

#[tokio::test]
async fn nothing_is_told_of_an_account_that_is_not_there() {
    let town = Town::start().await;
    let ada = town.register("ada@example.com").await;
    town.forget("nobody@example.com").await;
    assert_eq!(town.count_of(REQUESTED).await, 0);
    town.house.delete_user(&town.of(&ada), UserRef { user: ada.id }).await.expect("closed");
    town.forget("ada@example.com").await;
    assert_eq!(town.count_of(REQUESTED).await, 0);
}

#[tokio::test]
async fn the_time_of_the_answer_does_not_tell_whether_there_is_an_account() {
    let town = Town::start().await;
    town.register("ada@example.com").await;
    let timed = async |email: &str| {
        let begun = Instant::now();
        town.forget(email).await;
        begun.elapsed()
    };
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        known.push(timed("ada@example.com").await);
        unknown.push(timed("nobody@example.com").await);
    }
    let least = |times: &[Duration]| times.iter().min().copied().expect("measured");
    let (known, unknown) = (least(&known), least(&unknown));
    assert!(known.min(unknown) >= Duration::from_millis(250), "{known:?}, {unknown:?}");
    assert!(known.abs_diff(unknown) < Duration::from_millis(20), "{known:?}, {unknown:?}");
}

#[tokio::test]
async fn nobodys_mailbox_is_filled() {
    let town = Town::start().await;
    let ada = town.register("ada@example.com").await;
    for _ in 0..7 {
        town.forget("ada@example.com").await;
    }
    assert_eq!(town.count_of(REQUESTED).await, 5);
    town.clock.advance(Duration::from_secs(3_600));
    let late = town.house.issue_password_reset(&town.system(), IssuePasswordReset { user: ada.id }).await;
    assert_eq!(late.expect_err("nobody asked within the hour"), Error::ResetRefused {});
    town.forget("ada@example.com").await;
    assert_eq!(town.count_of(REQUESTED).await, 6);
}

#[tokio::test]
async fn only_shoal_itself_is_given_a_token_and_only_its_hash_is_kept() {
    let town = Town::start().await;
    let ada = town.register("ada@example.com").await;
    town.forget("ada@example.com").await;
    let request = IssuePasswordReset { user: ada.id };
    let refused = town.house.issue_password_reset(&town.of(&ada), request).await.expect_err("refused");
    assert_eq!(refused.code(), "forbidden");
    let reset = town.mailed(&ada).await;
    let kept: Vec<Vec<u8>> = town.list(sql::RESET_HASHES).await;
    assert_eq!((kept.len(), kept[0].len()), (1, 32));
    let data: Vec<String> = town.list(sql::EVENT_DATA).await;
    assert!(data.iter().all(|data| !data.contains(reset.token.expose()) && !data.contains("ada@")));
}
