//! The commands of positions, by tables that run on ours and on redis-server.

use crate::support::{check, check_ours};

#[test]
fn positions_distances_and_searches() {
    check(
        r#"
        GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania => :2
        GEOADD g nx xx 13.361389 38.115556 Palermo => -ERR syntax error
        GEOADD g nx ch nx => -ERR syntax error
        GEOADD g 1 2 => -ERR wrong number of arguments for 'geoadd' command
        GEOADD g 200 2 x => -ERR invalid longitude,latitude pair 200.000000,2.000000
        GEOADD g x 2 x => -ERR value is not a valid float
        GEOADD g 1 86 x => -ERR invalid longitude,latitude pair 1.000000,86.000000
        GEOADD g ch xx 13.36 38.11 Palermo 3 3 new => :1
        GEOADD g nx 12.758489 38.788135 edge1 17.241510 38.788135 edge2 => :2
        GEODIST g Palermo Catania => 166138.5270
        GEODIST g Palermo Catania km => 166.1385
        GEODIST g Palermo Catania KM x => -ERR syntax error
        GEODIST g Palermo Catania zz => -ERR unsupported unit provided. please use M, KM, FT, MI
        GEODIST g Palermo no => (nil)
        GEODIST no a b => (nil)
        GEOHASH g Palermo no Catania => [sqc8b18qyd0, (nil), sqdtr74hyu0]
        GEOHASH g => []
        GEOPOS g Palermo no => [[13.35999995470046997, 38.11000028671502804], (nil-array)]
        GEOPOS no a => [(nil-array)]
        ZRANGE g 0 -1 withscores => [Palermo, 3479099943497504, edge1, 3479273021651468, Catania, 3479447370796909, edge2, 3481342659049484]
        GEORADIUS g 15 37 200 km asc => [Catania, Palermo]
        GEORADIUS g 15 37 200 km withdist withcoord withhash desc => [[Palermo, 190.1377, :3479099943497504, [13.35999995470046997, 38.11000028671502804]], [Catania, 56.4413, :3479447370796909, [15.08726745843887329, 37.50266842333162032]]]
        GEORADIUS g 15 37 200 km count 1 => [Catania]
        GEORADIUS g 15 37 200 km count 0 => -ERR COUNT must be > 0
        GEORADIUS g 15 37 200 km any => -ERR the ANY argument requires COUNT argument
        GEORADIUS g 15 37 200 km count x => -ERR value is not an integer or out of range
        GEORADIUS g 15 37 x km => -ERR need numeric radius
        GEORADIUS g 15 37 -1 km => -ERR radius cannot be negative
        GEORADIUS g 15 37 1 zz => -ERR unsupported unit provided. please use M, KM, FT, MI
        GEORADIUS g 15 370 1 km => -ERR invalid longitude,latitude pair 15.000000,370.000000
        GEORADIUS g 15 37 200 km store d => :2
        ZRANGE d 0 -1 withscores => [Palermo, 3479099943497504, Catania, 3479447370796909]
        GEORADIUS g 15 37 200 km storedist d store e storedist f => :2
        EXISTS d e f => :2
        ZRANGE f 0 -1 => [Catania, Palermo]
        GEORADIUS g 15 37 200 km store d withdist => -ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options
        GEORADIUS no 15 37 200 km store f => :0
        EXISTS f => :0
        GEORADIUS_RO g 15 37 200 km store d => -ERR syntax error
        GEORADIUSBYMEMBER g Palermo 100 km asc => [Palermo, edge1]
        GEORADIUSBYMEMBER g no 100 km => -ERR could not decode requested zset member
        GEORADIUSBYMEMBER no Palermo xx yy => []
        GEORADIUSBYMEMBER g Palermo 100 km store q => :2
        GEORADIUSBYMEMBER_RO g Agr 100 km => -ERR could not decode requested zset member
        GEOSEARCH g fromlonlat 15 37 byradius 200 km asc => [Catania, Palermo]
        GEOSEARCH g fromlonlat 15 37 bybox 400 400 km asc withcoord withdist => [[Catania, 56.4413, [15.08726745843887329, 37.50266842333162032]], [Palermo, 190.1377, [13.35999995470046997, 38.11000028671502804]], [edge2, 279.7403, [17.24151045083999634, 38.78813451624225195]], [edge1, 279.7405, [12.7584877610206604, 38.78813451624225195]]]
        GEOSEARCH g fromlonlat 15 37 bybox 400 400 km byradius 1 m => -ERR syntax error
        GEOSEARCH g frommember Palermo bybox 400 400 km asc withhash count 2 => [[Palermo, :3479099943497504], [edge1, :3479273021651468]]
        GEOSEARCH g frommember no bybox 400 400 km => -ERR could not decode requested zset member
        GEOSEARCH no frommember no bybox 400 400 km => []
        GEOSEARCH g bybox 400 400 km asc desc => -ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for GEOSEARCH
        GEOSEARCH g fromlonlat 15 37 asc asc asc => -ERR exactly one of BYRADIUS and BYBOX can be specified for GEOSEARCH
        GEOSEARCH g fromlonlat 15 37 bybox -1 2 km => -ERR height or width cannot be negative
        GEOSEARCH g fromlonlat 15 37 bybox x 2 km => -ERR need numeric width
        GEOSEARCH g fromlonlat 15 37 bybox 1 x km => -ERR need numeric height
        GEOSEARCH g fromlonlat 15 37 byradius 200 km storedist => -ERR syntax error
        GEOSEARCHSTORE d g fromlonlat 15 37 byradius 200 km storedist => :2
        ZRANGE d 0 1 => [Catania, Palermo]
        GEOSEARCHSTORE d g fromlonlat 15 37 byradius 200 km withdist => -ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options
        GEOSEARCHSTORE d g fromlonlat 15 37 byradius 200 km count 1 => :1
        ZRANGE d 0 -1 withscores => [Catania, 3479447370796909]
        GEOSEARCHSTORE d g fromlonlat 15 37 byradius 200 km count 1 any asc store x => -ERR syntax error
        GEOSEARCHSTORE d no fromlonlat 15 37 byradius 200 km => :0
        EXISTS d => :0
        SET s v => +OK
        GEOSEARCH s bad 1 2 3 4 5 => -WRONGTYPE Operation against a key holding the wrong kind of value
        GEOADD s 1 1 a => -WRONGTYPE Operation against a key holding the wrong kind of value
        GEOPOS s a => -WRONGTYPE Operation against a key holding the wrong kind of value
        GEOSEARCHSTORE s g fromlonlat 15 37 byradius 200 km => :2
        TYPE s => +zset
        COMMAND getkeys georadius k 1 2 3 m store x => [k, x]
        "#,
    );
}

#[test]
fn polygons() {
    check_ours(
        "Valkey 9: BYPOLYGON",
        r#"
        GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania 2 3 c => :3
        GEOSEARCH g BYPOLYGON 4 12 36 16 36 16 39 12 39 WITHDIST ASC => [[Palermo, 88525.9880], [Catania, 95940.6017]]
        GEOSEARCH g BYPOLYGON 2 12 36 16 36 13 37 => -ERR BYPOLYGON must have 3 to 1024 vertices
        GEOSEARCH g BYPOLYGON 3 12 36 16 36 => -ERR syntax error
        GEOSEARCHSTORE d g BYPOLYGON 3 12 36 16 36 16 39 => :1
        "#,
    );
}

/// The eastern and the northern limit are cells of their own.
#[test]
fn members_on_the_limits_are_found() {
    check(
        r#"
        GEOADD g 180 10 east 10 85.05112878 north 180 85.05112878 both => :3
        GEOSEARCH g FROMMEMBER east BYRADIUS 100 km => [east]
        GEOSEARCH g FROMMEMBER north BYBOX 10 10 km => [north]
        GEOSEARCH g FROMMEMBER both BYRADIUS 10 m => [both]
        GEOSEARCH g FROMLONLAT 180 10 BYBOX 1000 20000 km ASC WITHDIST => ~[[east, 0.00*
        "#,
    );
    check_ours(
        "redis-server 7.0 misses them from elsewhere",
        r#"
        GEOADD g 180 10 east 10 85.05112878 north => :2
        GEOSEARCH g FROMLONLAT 179.9 10 BYRADIUS 100 km => [east]
        GEOSEARCH g FROMLONLAT -179.9 10 BYRADIUS 100 km => [east]
        GEOSEARCH g FROMLONLAT 10 85 BYRADIUS 100 km => [north]
        GEOSEARCH g FROMLONLAT 10 0 BYRADIUS 30000 km ASC => [north, east]
        "#,
    );
}
