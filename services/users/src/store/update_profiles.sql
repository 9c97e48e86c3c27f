-- Changes profiles that are still at their version (column 2), at the time $1.
update users
set
  name = d.column3,
  phone = d.column4,
  accepts_marketing = d.column5,
  tags = d.column6,
  version = users.version + 1,
  updated_at = $1
from (values {rows:uuid,bigint,text,text,smallint,text}) as d
where users.id = d.column1 and users.version = d.column2
