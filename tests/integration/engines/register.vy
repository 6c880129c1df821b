# pragma version 0.4.3
# A contract to try an engine with: state, an event, a refusal with a reason, depth and endless work.

interface Register:
    def descend(): nonpayable

event Written:
    who: indexed(address)
    value: uint256

value: public(uint256)

@external
def write(wanted: uint256):
    assert wanted < 1000, "too large"
    self.value = wanted
    log Written(who=msg.sender, value=wanted)

@external
def descend():
    extcall Register(self).descend()

@external
@view
def spin():
    for i: uint256 in range(max_value(uint256)):
        pass

@external
@view
def block_facts() -> (uint256, uint256, bytes32):
    return (block.number, block.timestamp, blockhash(block.number - 1))
