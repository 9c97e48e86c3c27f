//! The overview, and what a node says of itself.

use super::Talk;

pub(super) async fn tell(talk: &mut Talk<'_>) {
    let (guest, staff) = (talk.guest.clone(), talk.staff.clone());
    let customer = talk.customer("lea").await;
    for who in [&guest, &customer, &staff] {
        talk.ask(who.get("/v1/overview"), 200).await;
        talk.ask(who.get("/v1/overview?include=products&limit=1"), 200).await;
        talk.ask(who.get("/v1/overview?include=users,products,orders&limit=2"), 200).await;
    }
    talk.refuse(guest.get("/v1/overview?include=secrets"), 422, "invalid_request").await;
    talk.refuse(guest.get("/v1/overview?limit=0"), 422, "invalid_request").await;
    for path in
        ["/", "/errors", "/errors/stock_too_low", "/healthz", "/readyz", "/metrics", "/openapi.json", "/docs"]
    {
        talk.ask(guest.get(path), 200).await;
    }
    if talk.fleet.knows("get", "/v1/cluster") {
        talk.only_for_staff(&customer, |who| who.get("/v1/cluster")).await;
        talk.ask(staff.get("/v1/cluster"), 200).await;
    }
    talk.refuse(guest.get("/errors/nothing"), 404, "not_found").await;
    let picture = talk.ask(guest.get("/media/pot.svg"), 200).await;
    talk.ask(guest.get("/media/pot.svg").header("if-none-match", picture.header("etag")), 304).await;
    talk.refuse(guest.get("/media/nothing.svg"), 404, "not_found").await;
    for page in ["/", "/p/anchor", "/c/jugs", "/search?q=lantern", "/cart", "/login"] {
        talk.ask(guest.get(page).header("accept", "text/html"), 200).await;
    }
}
