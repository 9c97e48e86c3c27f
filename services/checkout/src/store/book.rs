//! The test provider's book: payments and refunds.

use shoal_contract::checkout::{Payment, PaymentStatus};
use shoal_sql::{Error, FromRow, Migration, ReadTx, Row, Tx, params, statements};
use shoal_types::{Money, Timestamp};

statements! {
    pub(crate) mod sql {
        ENTER_PAYMENT = include_str!("enter_payment.sql");
        FIND_PAYMENT = "select payment_key, status, card, amount, currency, refunded from payments where payment_key = $1";
        SET_STATUS = include_str!("set_status.sql");
        VOID_PAYMENT = include_str!("void_payment.sql");
        INSERT_REFUND = "insert into refunds (payment_key, refund_key, amount) values ($1, $2, $3)
            on conflict (payment_key, refund_key) do nothing";
        REMOVE_REFUND = "delete from refunds where payment_key = $1 and refund_key = $2";
        ADD_REFUND = include_str!("add_refund.sql");
        COUNT_TRY = "update payments set tries = tries + 1 where payment_key = $1 returning tries";
    }
}

/// The schema's history, of the test provider's book.
pub const MIGRATIONS: &[Migration] =
    &[Migration::new("0001_payments.sql", include_str!("../../migrations/test_provider/0001_payments.sql"))];

/// A payment with the card it was made with.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) payment: Payment,
    pub(crate) card: String,
}

impl FromRow for Entry {
    fn from_row(row: &Row<'_>) -> Result<Self, Error> {
        let status: String = row.get(1)?;
        let status = match status.as_str() {
            "pending" => PaymentStatus::Pending,
            "authorised" => PaymentStatus::Authorised,
            "captured" => PaymentStatus::Captured,
            "voided" => PaymentStatus::Voided,
            _ => PaymentStatus::Declined,
        };
        let amount = row.money(3)?;
        Ok(Self {
            payment: Payment {
                provider: "test".to_owned(),
                reference: row.get(0)?,
                status,
                amount,
                refunded: Money::new(row.get(5)?, amount.currency),
            },
            card: row.get(2)?,
        })
    }
}

/// Enters a payment, once for each key, and gives what the book says of it then.
pub(crate) async fn enter(
    tx: &mut Tx,
    key: &str,
    card: &str,
    amount: Money,
    status: &'static str,
    at: Timestamp,
) -> Result<Entry, Error> {
    let row = params![key, status, card, amount.amount, amount.currency, 0, 0, at];
    tx.change_row(sql::ENTER_PAYMENT, params![], row).await?.ok_or(Error::Closed)
}

pub(crate) async fn find(tx: &mut ReadTx, key: &str) -> Result<Option<Entry>, Error> {
    tx.find(sql::FIND_PAYMENT, params![key]).await
}

/// Changes the status if it is `from`; `false` if it is not.
pub(crate) async fn set_status(tx: &mut Tx, key: &str, from: &str, to: &str) -> Result<bool, Error> {
    let moved: Option<String> = tx.change_row(sql::SET_STATUS, params![], params![key, from, to]).await?;
    Ok(moved.is_some())
}

/// Voids what is not captured; an unknown key is entered as void. Gives the status then.
pub(crate) async fn void(tx: &mut Tx, key: &str, at: Timestamp) -> Result<PaymentStatus, Error> {
    let entry: Option<Entry> = tx.find(sql::VOID_PAYMENT, params![key, at]).await?;
    Ok(entry.map_or(PaymentStatus::Voided, |entry| entry.payment.status))
}

/// Sends money back, once for each refund key; `false` if that is more than was taken.
pub(crate) async fn refund(tx: &mut Tx, key: &str, refund_key: &str, amount: Money) -> Result<bool, Error> {
    // A repeat waits here for the commit of the first.
    if tx.execute(sql::INSERT_REFUND, params![key, refund_key, amount.amount]).await? == 0 {
        return Ok(true);
    }
    // The guard is in the update: two refunds at once cannot send back more than was taken.
    let sent = tx.execute(sql::ADD_REFUND, params![key, amount.amount, amount.currency]).await? == 1;
    if !sent {
        tx.execute(sql::REMOVE_REFUND, params![key, refund_key]).await?;
    }
    Ok(sent)
}

/// Counts a try to capture.
pub(crate) async fn count_try(tx: &mut Tx, key: &str) -> Result<i64, Error> {
    Ok(tx.find(sql::COUNT_TRY, params![key]).await?.unwrap_or(0))
}
