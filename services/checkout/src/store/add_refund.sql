-- Two refunds at once cannot send back more than was taken.
update payments
set refunded = refunded + $2
where payment_key = $1 and currency = $3 and status = 'captured' and refunded + $2 <= amount
