//! A shop with an order house and a product service that only knows offers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use shoal_contract::Address;
use shoal_contract::checkout::CheckoutId;
use shoal_contract::orders::{
    AddLine, Cart, CartChange, CartId, CartRef, CreateOrder, Error, FreezeCart, LineBody, MarkPaid, NewCart,
    Order, OrderId, OrderRef, Orders as _, UpdateCart,
};
use shoal_contract::products::{self, *};
use shoal_contract::users::UserId;
use shoal_orders::{MIGRATIONS, Options, Orders, Zone};
use shoal_queue::{Relay, RelayOptions};
use shoal_sql::testing::Place;
use shoal_sql::{Durability, Engine, ReadTx, Source, params};
use shoal_types::{
    Caller, Context, Currency, Env, Fault, Id, ManualClock, Money, Page, Role, SeededRng, Timestamp,
};

/// What the shop sells at present.
#[derive(Default)]
pub(crate) struct Catalogue(Mutex<HashMap<String, Arc<Offer>>>);

impl Catalogue {
    /// Sells a SKU, or sells it differently from now on.
    pub(crate) fn sell(&self, offer: Offer) {
        self.0.lock().expect("not poisoned").insert(offer.sku.clone(), Arc::new(offer));
    }

    /// Sells it no longer.
    pub(crate) fn withdraw(&self, sku: &str) {
        self.0.lock().expect("not poisoned").remove(sku);
    }
}

macro_rules! only_offers {
    ($($method:ident($request:ty) -> $response:ty;)+) => {
        #[async_trait]
        impl Products for Catalogue {
            async fn look_up(
                &self,
                _: &Context,
                request: LookUp,
            ) -> Result<Vec<Option<Arc<Offer>>>, products::Error> {
                let offers = self.0.lock().expect("not poisoned");
                Ok(request.skus.iter().map(|sku| offers.get(sku).cloned()).collect())
            }

            $(async fn $method(&self, _: &Context, _: $request) -> Result<$response, products::Error> {
                Err(Fault::Internal {}.into())
            })+
        }
    };
}

only_offers! {
    create_product(NewProduct) -> Arc<Product>;
    get_product(ProductRef) -> Arc<Product>;
    list_products(ListProducts) -> Page<Arc<Product>>;
    replace_product(ReplaceProduct) -> Arc<Product>;
    archive_product(ProductRef) -> ();
    search(Search) -> SearchResults;
    list_categories(ListCategories) -> Vec<Category>;
    create_category(NewCategory) -> Category;
    replace_category(ReplaceCategory) -> Category;
    remove_category(CategoryRef) -> ();
    get_stock(LookUp) -> Vec<Option<Stock>>;
    list_movements(ListMovements) -> Page<Movement>;
    adjust_stock(AdjustStock) -> Stock;
    reserve(Reserve) -> Reservation;
    confirm(ReservationRef) -> Reservation;
    release(ReservationRef) -> Reservation;
    restock(Restock) -> ();
    find_reservation(ReservationRef) -> Option<Reservation>;
    import_products(ImportProducts) -> Vec<Imported>;
    import_categories(ImportCategories) -> Vec<Imported>;
}

pub(crate) struct Shop {
    pub(crate) orders: Orders,
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) env: Env,
    place: Place,
}

impl Shop {
    /// An open shop in euro that sells `MUG` for 19.99, `BOWL` for 10.00 and, with no parcel, `EBOOK` for 5.00.
    pub(crate) async fn open() -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp::from_micros(1_800_000_000_000_000)));
        let env = Env::new(clock.clone(), Arc::new(SeededRng::new(1)));
        let catalogue = Arc::new(Catalogue::default());
        let place = Place::migrated(&[("orders", MIGRATIONS)], &env).await.expect("a place");
        let orders = open(place.source(), &env, &catalogue).await;
        let shop = Self { orders, catalogue, clock, env, place };
        shop.catalogue.sell(shop.offer("MUG", 1999));
        shop.catalogue.sell(shop.offer("BOWL", 1000));
        shop.catalogue.sell(Offer { shippable: false, ..shop.offer("EBOOK", 500) });
        shop
    }

    /// The house on another node, where nodes may share the data.
    pub(crate) async fn neighbour(&self) -> Option<Orders> {
        if self.place.engine() == Engine::Sqlite {
            println!("skipped: embedded data has one owner; SHOAL_TEST_POSTGRES names a server");
            return None;
        }
        Some(open(self.place.source(), &self.env, &self.catalogue).await)
    }

    /// The same shop after a restart.
    pub(crate) async fn reopened(self) -> Self {
        self.reopened_in(Zone::utc()).await
    }

    /// The same shop after a restart, in another time zone.
    pub(crate) async fn reopened_in(self, zone: Zone) -> Self {
        self.orders.close().await;
        let options = Options { zone, ..options(self.place.source()) };
        let orders = Orders::open(options, self.env.clone(), self.catalogue.clone()).await.expect("opens");
        Self { orders, ..self }
    }

    /// Lets a relay carry what was told of orders to those who hear it.
    pub(crate) async fn carry_events(&self) {
        let (db, consumers) = (self.orders.database().clone(), self.orders.consumers());
        let relay = Relay::start(db, Orders::outbox(), consumers, RelayOptions::default(), self.env.clone());
        let mut progress = relay.progress();
        let waiting = self.waiting().await;
        progress.wait_for(|done| done.published >= waiting).await.expect("it works");
        assert_eq!(progress.borrow().dead_letters, 0);
        relay.stop().await;
    }

    async fn waiting(&self) -> u64 {
        let unpublished = Orders::outbox().unpublished;
        let cx = self.system();
        let read = async move |tx: &mut ReadTx| tx.list::<OrderId>(unpublished, params![1_000]).await;
        self.orders.database().read(&cx, read).await.expect("read").len() as u64
    }

    pub(crate) fn offer(&self, sku: &str, price: i64) -> Offer {
        Offer {
            variant: self.env.id(),
            product: self.env.id(),
            sku: sku.to_owned(),
            slug: sku.to_lowercase(),
            title: format!("The {}", sku.to_lowercase()),
            choice: "Colour: Sand".to_owned(),
            image: Some(format!("/pictures/{sku}.svg")),
            prices: vec![eur(price)],
            tax_category: "standard".to_owned(),
            weight_g: 400,
            shippable: true,
        }
    }

    pub(crate) fn system(&self) -> Context {
        Context::system(&self.env, Duration::from_secs(60))
    }

    pub(crate) fn guest(&self) -> Context {
        self.system().with_caller(Caller::Anonymous)
    }

    pub(crate) fn staff(&self) -> Context {
        self.user(Role::Staff).1
    }

    pub(crate) fn customer(&self) -> (UserId, Context) {
        self.user(Role::Customer)
    }

    fn user(&self, role: Role) -> (UserId, Context) {
        let id = self.env.id();
        (id, self.system().with_caller(Caller::User { id, role }))
    }

    /// A cart with these lines and all a checkout needs.
    pub(crate) async fn cart(&self, cx: &Context, lines: &[(&str, i64)]) -> Cart {
        let new = NewCart {
            currency: None,
            lines: lines.iter().map(|&(sku, quantity)| line(sku, quantity)).collect(),
            details: ready(),
        };
        self.orders.create_cart(cx, new).await.expect("a cart")
    }

    pub(crate) async fn add(
        &self,
        cx: &Context,
        cart: CartId,
        sku: &str,
        quantity: i64,
    ) -> Result<Cart, Error> {
        self.orders.add_line(cx, AddLine { cart, line: line(sku, quantity) }).await
    }

    pub(crate) async fn get(&self, cx: &Context, cart: CartId) -> Result<Cart, Error> {
        self.orders.get_cart(cx, CartRef { cart }).await
    }

    pub(crate) async fn update(&self, cx: &Context, cart: CartId, change: CartChange) -> Result<Cart, Error> {
        self.orders.update_cart(cx, UpdateCart { cart, expected_version: None, change }).await
    }

    pub(crate) fn freeze(&self, cart: CartId) -> FreezeCart {
        FreezeCart { cart, checkout: self.env.id() }
    }

    /// Freezes a cart and says what the checkout would order.
    pub(crate) async fn frozen(&self, cart: CartId) -> CreateOrder {
        let freeze = self.freeze(cart);
        let quote = self.orders.freeze_cart(&self.system(), freeze.clone()).await.expect("frozen");
        CreateOrder { checkout: freeze.checkout, token_hash: None, quote }
    }

    /// An order of these lines, not paid yet.
    pub(crate) async fn placed(&self, cx: &Context, lines: &[(&str, i64)]) -> Order {
        let cart = self.cart(cx, lines).await;
        let create = self.frozen(cart.id).await;
        self.orders.create_order(&self.system(), create).await.expect("an order")
    }

    /// An order of these lines, paid.
    pub(crate) async fn paid(&self, cx: &Context, lines: &[(&str, i64)]) -> Order {
        let order = self.placed(cx, lines).await;
        self.orders.mark_paid(&self.system(), payment(&order)).await.expect("paid")
    }

    pub(crate) async fn order(&self, order: OrderId) -> Order {
        let order = OrderRef { order, token: None };
        self.orders.get_order(&self.system(), order).await.expect("an order")
    }

    /// Statements run since the shop was opened.
    pub(crate) fn statements(&self) -> u64 {
        self.orders.database().counters().statements
    }
}

fn options(source: &Source) -> Options {
    Options { durability: Durability::Process, ..Options::new(source, Currency::EUR) }
}

async fn open(source: &Source, env: &Env, catalogue: &Arc<Catalogue>) -> Orders {
    Orders::open(options(source), env.clone(), catalogue.clone()).await.expect("opens")
}

pub(crate) fn eur(amount: i64) -> Money {
    Money::new(amount, Currency::EUR)
}

pub(crate) fn line(sku: &str, quantity: i64) -> LineBody {
    LineBody { sku: sku.to_owned(), quantity, note: None }
}

pub(crate) fn address(country: &str) -> Address {
    Address {
        name: "Ada Lovelace".into(),
        line1: "Mill Lane 1".into(),
        line2: None,
        city: "Lowtown".into(),
        postal_code: Some("01067".into()),
        region: None,
        country: country.into(),
        phone: None,
    }
}

/// What a checkout needs besides lines.
pub(crate) fn ready() -> CartChange {
    CartChange {
        email: Some("Ada@Example.com".into()),
        shipping_address: Some(address("DE")),
        ..CartChange::default()
    }
}

pub(crate) fn payment(order: &Order) -> MarkPaid {
    MarkPaid { order: order.id, amount: order.totals.total, payment: "pay_1".into() }
}

pub(crate) fn skus(cart: &Cart) -> Vec<(&str, i64)> {
    cart.lines.iter().map(|line| (line.sku.as_str(), line.quantity)).collect()
}

/// An id of a checkout from its last bits.
pub(crate) fn checkout(bits: u8) -> CheckoutId {
    Id::from_digest([bits; 16])
}
