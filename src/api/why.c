#include "frame.h"
void hd_broadcast_why(hd_req_t *r){hd_problem(r,500,"x","x");}
void hd_message_why(hd_req_t *r){hd_problem(r,500,"x","x");}
