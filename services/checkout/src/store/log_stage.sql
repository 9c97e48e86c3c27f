-- Notes what comes next, and who goes on with it: nobody, while it waits for its buyer. Answers no row if another owner has taken the saga over.
update sagas
set
  stage = d.column4,
  quote = coalesce(d.column5, sagas.quote),
  owner = d.column6,
  wake_at = d.column7,
  updated_at = d.column8
from (values {rows:uuid,bigint,bigint,text,text,uuid,bigint,bigint}) as d
where sagas.claim_id = d.column1 and sagas.attempt = d.column2 and sagas.epoch = d.column3 and sagas.done = 0
returning sagas.claim_id
