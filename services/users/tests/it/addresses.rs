use shoal_contract::users::{
    AddressBody, AddressId, AddressRef, Error, SaveAddress, SavedAddress, User, UserRef, Users,
};
use shoal_types::{Context, Fact};

use crate::town::{Town, address, keyed};

struct Book {
    town: Town,
    ada: User,
    cx: Context,
}

impl Book {
    async fn open() -> Self {
        let town = Town::start().await;
        let ada = town.register("ada@example.com").await;
        let cx = town.of(&ada);
        Self { town, ada, cx }
    }

    async fn save(&self, id: Option<AddressId>, city: &str, default: bool) -> Result<SavedAddress, Error> {
        let body = AddressBody { address: address(city), default };
        self.town.house.save_address(&self.cx, SaveAddress { user: self.ada.id, id, body }).await
    }

    async fn remove(&self, id: AddressId) {
        let removed = self.town.house.remove_address(&self.cx, AddressRef { user: self.ada.id, id }).await;
        assert_eq!(removed, Ok(()));
    }

    async fn cities(&self) -> Vec<(String, bool)> {
        let all = self.town.house.list_addresses(&self.cx, UserRef { user: self.ada.id }).await;
        all.expect("listed").into_iter().map(|saved| (saved.address.city, saved.default)).collect()
    }
}

fn cities(of: &[(&str, bool)]) -> Vec<(String, bool)> {
    of.iter().map(|(city, default)| ((*city).to_owned(), *default)).collect()
}

#[tokio::test]
async fn there_is_one_default_as_long_as_there_is_an_address() {
    let book = Book::open().await;
    let london = book.save(None, "London", false).await.expect("saved");
    let bath = book.save(None, "Bath", true).await.expect("saved");
    book.save(None, "York", false).await.expect("saved");
    assert_eq!(book.cities().await, cities(&[("Bath", true), ("London", false), ("York", false)]));
    book.save(Some(bath.id), "Wells", false).await.expect("replaced");
    assert_eq!(book.cities().await, cities(&[("Wells", true), ("London", false), ("York", false)]));
    book.save(Some(london.id), "Leeds", true).await.expect("replaced");
    assert_eq!(book.cities().await, cities(&[("Leeds", true), ("Wells", false), ("York", false)]));
    for _ in 0..2 {
        book.remove(london.id).await;
    }
    assert_eq!(book.cities().await, cities(&[("Wells", true), ("York", false)]));
}

#[tokio::test]
async fn an_address_of_nobody_or_of_another_is_unknown() {
    let book = Book::open().await;
    let eve = book.town.register("eve@example.com").await;
    let body = AddressBody { address: address("London"), default: false };
    let save = SaveAddress { user: eve.id, id: None, body };
    let of_eve = book.town.house.save_address(&book.town.of(&eve), save).await.expect("saved");
    for id in [of_eve.id, book.town.env.id()] {
        assert_eq!(book.save(Some(id), "Bath", false).await, Err(Error::UnknownAddress {}));
    }
}

#[tokio::test]
async fn twenty_addresses_are_enough() {
    let book = Book::open().await;
    for _ in 0..20 {
        book.save(None, "London", false).await.expect("saved");
    }
    assert_eq!(book.save(None, "Bath", false).await, Err(Error::TooManyAddresses {}));
}

#[tokio::test]
async fn an_unacceptable_address_is_refused_by_field() {
    let book = Book::open().await;
    let mut wrong = address("London");
    wrong.country = "gb".to_owned();
    let body = AddressBody { address: wrong, default: false };
    let save = SaveAddress { user: book.ada.id, id: None, body };
    let refused = book.town.house.save_address(&book.cx, save).await.expect_err("refused");
    assert_eq!(refused.violations()[0].field, "address.country");
}

#[tokio::test]
async fn an_address_sent_twice_is_saved_once() {
    let mut book = Book::open().await;
    book.cx = keyed(&book.cx, "a", 1);
    let first = book.save(None, "London", false).await;
    assert_eq!((first.is_ok(), &book.save(None, "London", false).await), (true, &first));
    assert_eq!(book.cities().await.len(), 1);
}
