package Bench::Broadcast;
1;
