//! A disk that is full, or may not be written to.

use std::time::Duration;

use shoal_testkit::{Branch, SmallDisk, program, run};

/// More purchases than fit what is left in the files.
const PURCHASES_MAX: usize = 5_000;

/// These tests mount a file system of their own.
fn small_disk(mebibytes: u32) -> Option<SmallDisk> {
    let disk = SmallDisk::mount(mebibytes);
    if disk.is_none() {
        eprintln!(
            "not run: only root may mount a small file system; run the tests of {} as root",
            program().display()
        );
    }
    disk
}

#[tokio::test]
async fn a_full_disk_is_told_loses_nothing_and_heals_by_freeing_space() {
    let Some(disk) = small_disk(64) else { return };
    let data = disk.path().join("data");
    let branch = Branch::at(data.to_str().expect("a plain name")).await;
    let (guest, staff) = (branch.guest(), branch.staff().await);
    let mug = staff.product("mug").stock(1_000_000).create().await;
    disk.fill();
    let mut acknowledged = Vec::new();
    let mut told = None;
    for _ in 0..PURCHASES_MAX {
        let answer = guest.checkout(&mug, 1).await;
        match answer.status {
            201 => acknowledged.push(answer.text("/order/id")),
            // What had begun when the space ran out goes on later.
            202 => {}
            _ => {
                told = Some(answer);
                break;
            }
        }
    }
    let told = told.expect("the disk is full sooner or later");
    assert_eq!(told.problem(), (507, "storage_full".into()), "{told}");
    // Reading goes on, writing is refused in the same words.
    guest.get("/v1/products").await.expect(200);
    let cart = guest.post("/v1/carts", &serde_json::json!({"note": "x".repeat(1000)})).await;
    assert!([201, 422, 507].contains(&cart.status), "{cart}");

    disk.free();
    guest.checkout(&mug, 1).await.expect(201);
    for order in &acknowledged {
        staff.get(format!("/v1/orders/{order}")).await.expect(200);
    }
    println!("{} orders before the disk was full", acknowledged.len());
    let books = branch.audit(Duration::from_secs(90)).await;
    assert!(books.orders() > i64::try_from(acknowledged.len()).expect("few"));
}

#[tokio::test]
async fn a_data_directory_that_cannot_be_written_is_a_clear_error() {
    let Some(disk) = small_disk(16) else { return };
    let data = disk.path().join("data");
    let data = data.to_str().expect("a plain name");
    let (_, said, ended) = run(&["migrate", "--data", data]);
    assert!(ended.success(), "{said}");
    disk.make_read_only();
    for command in
        [&["serve", "--listen", "127.0.0.1:0"][..], &["migrate"], &["admin", "create", "a@example.com"]]
    {
        let arguments: Vec<_> = command.iter().copied().chain(["--data", data]).collect();
        let (_, said, ended) = run(&arguments);
        assert_eq!(ended.code(), Some(1), "{command:?}: {said}");
        assert!(said.contains("read-only") || said.contains("cannot be written"), "{command:?}: {said}");
        assert!(said.contains(data) && !said.contains("panicked"), "{command:?}: {said}");
    }
}
