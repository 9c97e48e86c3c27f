//! Two nodes that do everything, over the same data. What one has answered the other shows; what both are asked at once
//! happens once; what one leaves behind the other brings to its end.

mod deaths;
mod fresh;
mod jobs;
mod races;

use shoal_testkit::{Setup, Shop};

/// Two nodes of a shop; none where data has one owner.
async fn two() -> Option<(Shop, Shop)> {
    two_with(Setup::default()).await
}

async fn two_with(setup: Setup) -> Option<(Shop, Shop)> {
    let first = Shop::with(setup).await;
    let Some(second) = first.another().await else {
        println!("skipped: embedded data has one owner; SHOAL_TEST_POSTGRES names a server");
        return None;
    };
    Some((first, second))
}
