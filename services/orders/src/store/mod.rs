//! The queries, on a transaction. They know no rules: what may happen is decided in `model` and `api`.

pub(crate) mod carts;
mod document;
pub(crate) mod events;
pub(crate) mod imports;
pub(crate) mod jobs;
pub(crate) mod orders;
pub(crate) mod parts;
pub(crate) mod sales;
pub(crate) mod settings;

use shoal_queue::OutboxTable;
use shoal_sql::Migration;
use shoal_types::Id;

/// The schema's history.
pub const MIGRATIONS: &[Migration] = &[
    shoal_queue::MIGRATION,
    Migration::new("0002_carts.sql", include_str!("../../migrations/0002_carts.sql")),
    Migration::new("0003_orders.sql", include_str!("../../migrations/0003_orders.sql")),
    Migration::new("0004_order_numbers.sql", include_str!("../../migrations/0004_order_numbers.sql")),
    Migration::new("0005_settings.sql", include_str!("../../migrations/0005_settings.sql")),
    Migration::new("0006_published_events.sql", include_str!("../../migrations/0006_published_events.sql")),
    Migration::new("0007_sales.sql", include_str!("../../migrations/0007_sales.sql")),
    Migration::new("0008_abandoned_carts.sql", include_str!("../../migrations/0008_abandoned_carts.sql")),
];

/// Where the relay finds this house's events: the orders' timeline is their outbox.
pub(crate) fn outbox() -> OutboxTable {
    OutboxTable {
        unpublished: sql::UNPUBLISHED,
        publish: sql::PUBLISH,
        published: sql::PUBLISHED,
        waiting: sql::WAITING,
        subject: |order| Id::<shoal_contract::orders::OrderNoun>::from_uuid(order).to_string(),
        ..OutboxTable::default()
    }
}

shoal_sql::statements! {
    pub(crate) mod sql {
        FIND_CART = include_str!("find_cart.sql");
        INSERT_CART = include_str!("insert_cart.sql");
        CHANGE_CART = include_str!("change_cart.sql");
        FREEZE_CART = include_str!("freeze_cart.sql");
        THAW_CART = include_str!("thaw_cart.sql");
        ORDER_CART = include_str!("order_cart.sql");
        MERGE_CART = include_str!("merge_cart.sql");
        REMOVE_CART = "delete from carts where cart_id = $1 and version = $2 and status in ('open', 'merged')";
        REMOVE_OLD_CARTS = include_str!("remove_old_carts.sql");
        LIST_IDLE_CARTS = include_str!("list_idle_carts.sql");
        LIST_ABANDONED_CARTS = include_str!("list_abandoned_carts.sql");
        ABANDON_CARTS = include_str!("abandon_carts.sql");
        FIND_CLAIM = "select cart_id from customer_carts where customer_id = $1";
        CLAIM_CART = "insert into customer_carts (customer_id, cart_id) values ($1, $2)
            on conflict (customer_id) do nothing";
        MOVE_CLAIM = "update customer_carts set cart_id = $2 where customer_id = $1 and cart_id = $3";

        LIST_SETTINGS = "select name, value, version from settings limit $1";
        LIST_VERSIONS = "select name, version from settings limit $1";
        SAVE_SETTING = include_str!("save_setting.sql");

        INSERT_ORDER = include_str!("insert_order.sql");
        INSERT_LINES = "insert into order_lines (order_id, line, quantity, fulfilled, returned) values {rows:5}";
        PAY_ORDER = include_str!("pay_order.sql");
        CHANGE_ORDER = include_str!("change_order.sql");
        FIND_ORDER = include_str!("find_order.sql");
        LIST_ORDERS = include_str!("list_orders.sql");
        LIST_ORDERS_OF_CUSTOMER = include_str!("list_orders_of_customer.sql");
        LIST_ORDERS_BY_STATUS = include_str!("list_orders_by_status.sql");
        LIST_ORDERS_BY_NUMBER = include_str!("list_orders_by_number.sql");
        LIST_ORDERS_BY_SOURCE = include_str!("list_orders_by_source.sql");
        LIST_COUNTS = "select order_id, line, fulfilled, returned from order_lines where order_id in {in}";
        LIST_FULFILMENTS = "select order_id, fulfilment_id, lines, carrier, tracking, at
            from fulfilments where order_id in {in} order by at, fulfilment_id";
        LIST_RETURNS = "select order_id, return_id, lines, reason, restock, refund, refunded, at
            from returns where order_id in {in} order by at, return_id";

        COUNT_FULFILLED = "update order_lines set fulfilled = fulfilled + d.column2
            from (values {rows:bigint,bigint}) as d where order_id = $1 and line = d.column1";
        COUNT_RETURNED = "update order_lines set returned = returned + d.column2
            from (values {rows:bigint,bigint}) as d where order_id = $1 and line = d.column1";
        INSERT_FULFILMENTS = "insert into fulfilments (order_id, fulfilment_id, lines, carrier, tracking, at)
            values {rows:6}";
        INSERT_RETURN = include_str!("insert_return.sql");
        SETTLE_RETURN = "update returns set refunded = 1 where order_id = $1 and return_id = $2";
        INSERT_REFUND = "insert into refunds (order_id, refund_key, return_id, amount, at)
            values ($1, $2, $3, $4, $5) on conflict (order_id, refund_key) do nothing";
        FIND_REFUND = "select amount from refunds where order_id = $1 and refund_key = $2";

        INSERT_EVENTS = include_str!("insert_events.sql");
        REFUSE_ORDER = include_str!("refuse_order.sql");
        LIST_EVENTS = "select sequence, kind, message, at from order_events
            where order_id = $1 order by sequence limit $2";
        UNPUBLISHED = include_str!("unpublished.sql");
        PUBLISHED = include_str!("published.sql");
        WAITING = "select count(*), min(at) from
            (select at from order_events where published = 0 order by at limit 100000) as waiting";
        PUBLISH = "update order_events set published = 1 from (values {rows:uuid,bigint}) as d
            where order_id = d.column1 and sequence = d.column2";

        LIST_SOLD = include_str!("list_sold.sql");
        LIST_REFUNDS = "select order_id, return_id, amount, at from refunds where order_id in {in} order by at, refund_key";
        LIST_COUNTED = "select order_id, revision, figures from counted_orders where order_id in {in}";
        COUNT_FIRST = "insert into counted_orders (order_id, revision, figures) values {rows:3}
            on conflict (order_id) do nothing";
        COUNT_AGAIN = "update counted_orders set revision = d.column3, figures = d.column4
            from (values {rows:uuid,bigint,bigint,text}) as d
            where order_id = d.column1 and revision = d.column2";
        ADD_SALES = include_str!("add_sales.sql");
        LIST_SALES_BY_PRODUCT = include_str!("list_sales_by_product.sql");
        LIST_SALES_BY_SKU = include_str!("list_sales_by_sku.sql");
        LIST_SALES_BY_DAY = include_str!("list_sales_by_day.sql");
        LIST_SALES_BY_TOTAL = include_str!("list_sales_by_total.sql");
        NEXT_ORDERS = "select order_id from orders where order_id > $1 order by order_id limit $2";

        FIND_JOB = "select state, version from jobs where name = $1";
        BEGIN_JOB = "insert into jobs (name, state, version) values ($1, $2, 1) on conflict (name) do nothing";
        CONTINUE_JOB = "update jobs set state = $2, version = version + 1 where name = $1 and version = $3";

        FIND_IMPORTED = "select order_id, version, import_version, import_hash
            from orders where order_id in {in} order by order_id";
        IMPORT_ORDERS = include_str!("import_orders.sql");
        FORGET_LINES = "delete from order_lines where order_id in {in} returning order_id";
        FORGET_FULFILMENTS = "delete from fulfilments where order_id in {in} returning order_id";
    }
}

/// Reads JSON out of column `index`.
fn from_json<T: serde::de::DeserializeOwned>(
    text: &str,
    index: usize,
    expected: &'static str,
) -> Result<T, shoal_sql::Error> {
    serde_json::from_str(text).map_err(|error| {
        tracing::error!(%error, expected, "stored JSON cannot be read");
        shoal_sql::Error::Column { index, expected, found: "other text" }
    })
}

/// Writes JSON for a column.
fn to_json<T: serde::Serialize>(value: &T) -> Result<String, shoal_sql::Error> {
    serde_json::to_string(value)
        .map_err(|error| shoal_sql::Error::Statement { name: "to_json", detail: error.to_string() })
}
