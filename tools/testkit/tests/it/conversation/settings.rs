//! Tax and shipping.

use serde_json::json;

use super::Talk;

pub(super) async fn tell(talk: &mut Talk<'_>) {
    let customer = talk.customer("settler").await;
    for list in ["/v1/settings/tax-rates", "/v1/settings/shipping-zones"] {
        talk.ask(talk.guest.get(list), 200).await;
    }
    let taxes = json!({"tax_rates": [
        {"country": "DE", "category": "standard", "rate_bp": 1900, "included": true},
        {"country": "DE", "category": "books", "rate_bp": 700, "included": true},
        {"country": "US", "region": "NY", "category": "standard", "rate_bp": 888, "included": false},
    ]});
    talk.only_for_staff(&customer, |who| who.put("/v1/settings/tax-rates", &taxes)).await;
    talk.ask(talk.staff.put("/v1/settings/tax-rates", &taxes), 200).await;
    talk.ask(talk.guest.get("/v1/settings/tax-rates"), 200).await;
    let wrong =
        json!({"tax_rates": [{"country": "DE", "category": "standard", "rate_bp": -1, "included": true}]});
    talk.refuse(talk.staff.put("/v1/settings/tax-rates", &wrong), 422, "invalid_request").await;

    let method = |code: &str, rate| json!({"code": code, "title": code, "currency": "EUR", "rate": rate});
    let zones = json!({"shipping_zones": [
        {"zone": "Home", "countries": ["DE"], "methods": [
            method("standard", json!({"kind": "flat", "amount": 490})),
            method("parcel", json!({"kind": "by_weight", "bands": [
                {"up_to_g": 1000, "amount": 390}, {"amount": 990}]})),
            method("generous", json!({"kind": "by_subtotal", "bands": [
                {"from_amount": 0, "amount": 590}, {"from_amount": 5000, "amount": 0}]})),
        ]},
        {"zone": "Neighbours", "countries": ["FR", "DK"], "methods": [
            method("standard", json!({"kind": "flat", "amount": 1490}))]},
    ]});
    talk.only_for_staff(&customer, |who| who.put("/v1/settings/shipping-zones", &zones)).await;
    talk.ask(talk.staff.put("/v1/settings/shipping-zones", &zones), 200).await;
    talk.ask(talk.guest.get("/v1/settings/shipping-zones"), 200).await;
    let wrong = json!({"shipping_zones": [{"zone": "", "countries": [], "methods": []}]});
    talk.refuse(talk.staff.put("/v1/settings/shipping-zones", &wrong), 422, "invalid_request").await;
    talk.ask(talk.guest.get("/v1/settings/shipping-zones"), 200).await;
}
