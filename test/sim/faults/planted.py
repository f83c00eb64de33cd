"""Copies of the protocol's sources with known bugs in them, chosen by number at run time.

    planted.py ROOT OUT     OUT/Machine.cpp, OUT/Router.cpp, ... and OUT/Bugs.cpp, the list

A bug is (file, what it is, right text, wrong text). The right text must stand exactly once in the
file, so the list cannot outlive what it speaks of. `statement` bugs become
`if (planted::is(k)) { wrong } else { right }`, the others `(planted::is(k) ? wrong : right)`.
"""
import os
import sys

MACHINE = 'runtime/actor/Machine.cpp'
ROUTER = 'runtime/node/Router.cpp'
AGREEMENT = 'runtime/node/control/Agreement.cpp'
SNAPSHOT = 'runtime/checkpoint/Snapshot.cpp'

# (file, statement?, name, right, wrong)
BUGS = [
    (MACHINE, True, 'a firing takes no token from its inputs', '    --state.available;', ''),
    (MACHINE, True, 'a firing takes no credit of its outputs',
     '      links_[l].credit -= links_[l].self ? 0 : 1;', ''),
    (MACHINE, False, 'inputs are not waited for',
     'state.phase != 0 || state.available != 0 || state.constant', 'true'),
    (MACHINE, False, 'credits are not waited for', 'links_[l].credit != 0', 'true'),
    (MACHINE, False, 'an accumulator is published at every firing', '++out.phase != out.period',
     'false'),
    (MACHINE, False, 'a held version is given back at every firing', '++state.phase != state.period',
     'false'),
    (MACHINE, False, 'a Send gives back its slot at its own end', '!task.isSend', 'true'),
    (MACHINE, False, 'a Send gives back its slot when the first destination has it',
     'state_->open[end.firstOpen + retired % task.window] == 0',
     'state_->open[end.firstOpen + retired % task.window] < end.numEdges'),
    (MACHINE, False, 'the last landing slot is not posted again',
     'sequence + state.window < end.total', 'sequence + state.window + 1 < end.total'),
    (MACHINE, False, 'one landing slot too many is granted at the start',
     'v < entry.window && v < ends_[entry.task].total',
     'v <= entry.window && v < ends_[entry.task].total'),
    (MACHINE, True, 'a landing slot stays full after it was read',
     '      state.landed &= ~(uint64_t(1) << (sequence % state.window));', ''),
    (MACHINE, True, 'a Receive does not wait for the next version of an edge that is empty',
     '    end.missing += edgeReady(state) ? 0 : 1;', ''),
    (MACHINE, True, 'a version that came before the one before was read is forgotten',
     '    end.missing += edgeReady(state) ? 0 : 1;', '    ++end.missing;'),
    (MACHINE, False, 'a push that waited for its grant is forgotten', 'fired > state.done', 'false'),
    (MACHINE, False, 'bytes are pushed without a grant', 'state.received > sequence', 'true'),
    (MACHINE, True, 'early messages are forgotten on entry',
     '    fresh.received = state.earlyTokens[i];', ''),
    (MACHINE, True, 'early acknowledgements are forgotten on entry',
     '      counts.acked = state.linkCounts[l].early;', ''),
    (MACHINE, True, 'early versions are forgotten on entry',
     '    fresh.available = static_cast<uint16_t>(entry.initial + counts.received);',
     '    fresh.available = static_cast<uint16_t>(entry.initial);'),
    (MACHINE, True, 'a token of an earlier entry counts for the next',
     '  return token.entry == static_cast<uint8_t>(entry + 1) ? Standing::Early : Standing::Stray;',
     '  return Standing::Early;'),
    (MACHINE, False, 'the order of acknowledgements is not checked', 'token.sequence != state.done',
     'false'),
    (MACHINE, True, 'a producer stays in its slot',
     '    output.nextSlot = next(output.nextSlot, output.slots);', ''),
    (MACHINE, True, 'a reader stays in its slot',
     '    state.nextSlot = next(state.nextSlot, state.slots);', ''),
    (MACHINE, False, 'a stream ends an iteration early', '++ss.iteration != iterations_',
     '++ss.iteration + 1 < iterations_'),
    (MACHINE, False, 'tokens that came early are waited for again',
     'counts.total - counts.received', 'counts.total'),
    (MACHINE, False, 'ports of the end move after the first call',
     'events_[ss.event].call <= call', 'true'),
    (MACHINE, True, 'a Send forgets which of its firings is answered',
     '  --state_->open[ends_[send].firstOpen + sequence % task.window];',
     '  --state_->open[ends_[send].firstOpen];'),
    (MACHINE, True, 'a Receive of the same worker does not answer',
     '      edgeDone(edges_[state.local].task, sequence, sink);', ''),
    (MACHINE, True, 'an acknowledgement is worth two credits', '  ++links_[token.index].credit;',
     '  links_[token.index].credit += 2;'),
    (ROUTER, False, 'damaged messages are taken', 'message.check != checkOf(message)', 'false'),
    (ROUTER, False, 'messages of another run are taken', 'message.generation != generation_',
     'false'),
    (ROUTER, False, 'operations of an edge share a place',
     'sequence % window', '0'),
    (AGREEMENT, False, 'the coordinator leaves before all have agreed',
     'member.connected && !member.lost && !member.agreed', 'false'),
    (AGREEMENT, False, 'a new coordinator does not wait for the others',
     'nowMs >= takeoverEndMs_', 'true'),
    (AGREEMENT, False, 'a new coordinator does not ask for a verdict that is known',
     '!words[0].empty() && !proposed_', 'false'),
    (AGREEMENT, False, 'the others are not asked before a verdict',
     'nowMs < decideAtMs_ && !(firstHand_ && allAnswered())', 'false'),
    (AGREEMENT, True, 'nobody turns to the next node', '    turnToNext(nowMs);', ''),
    (AGREEMENT, False, 'what others saw comes before what a node says of itself',
     'a.derived != b.derived ? !a.derived : a.node < b.node', 'a.node < b.node'),
    (AGREEMENT, True, 'the end does not wait for all', 'return m.done;', 'return true;'),
    (AGREEMENT, True, 'a death while a verdict is agreed on is not noticed',
     '    return releaseIfAgreed();', '    return;'),
    (AGREEMENT, False, 'own pauses count as silence of the others',
     'sinceMs <= kHeartbeatMs', 'true'),
    (AGREEMENT, True, 'a coordinator takes the verdict of its forerunner for none',
     '    return propose();', '    verdict_.reset();'),
    (SNAPSHOT, True, 'the bytes of a checkpoint are not synced',
     '      OF_TRY(disk_.sync(file.handle));', ''),
    (SNAPSHOT, True, 'the manifest is not synced',
     '    OF_TRY(disk_.writeText(aside_ + "/manifest.json", manifest(info, parts), true));',
     '    OF_TRY(disk_.writeText(aside_ + "/manifest.json", manifest(info, parts), false));'),
    (SNAPSHOT, True, 'the names in a checkpoint are not synced',
     '    OF_TRY(disk_.syncFolder(aside_));', ''),
    (SNAPSHOT, True, 'the name of a checkpoint is not synced',
     '    OF_TRY(disk_.syncFolder(config_.folder));', ''),
    (SNAPSHOT, False, 'the newest checkpoint is deleted with the old ones',
     'i + keep < all.size()', 'i + keep <= all.size()'),
    (SNAPSHOT, False, 'what another node is writing is deleted', 'read->first <= step', 'true'),
    (SNAPSHOT, True, 'a new folder is not synced', '  OF_TRY(makeFolders(config.folder, disk));',
     '  OF_TRY(disk.makeFolder("run")); OF_TRY(disk.makeFolder(config.folder));'),
]


def plant(text, number, is_statement, right, wrong):
    if text.count(right) != 1:
        sys.exit(f'planted.py: bug {number} wants this text exactly once, it stands '
                 f'{text.count(right)} times; bring the list up to date:\n{right}')
    if is_statement:
        return text.replace(right,
                            f'{{ if (planted::is({number})) {{ {wrong} }} else {{ {right} }} }}')
    return text.replace(right, f'(planted::is({number}) ? ({wrong}) : ({right}))')


def main(root, out):
    os.makedirs(out, exist_ok=True)
    texts = {}
    for number, (path, is_statement, _, right, wrong) in enumerate(BUGS, start=1):
        if path not in texts:
            with open(os.path.join(root, path), encoding='utf-8') as file:
                texts[path] = file.read()
        texts[path] = plant(texts[path], number, is_statement, right, wrong)
    for path, text in texts.items():
        with open(os.path.join(out, os.path.basename(path)), 'w', encoding='utf-8') as file:
            file.write('#include "test/sim/faults/Planted.h"\n' + text)
    with open(os.path.join(out, 'Bugs.cpp'), 'w', encoding='utf-8') as file:
        file.write('#include "test/sim/faults/Planted.h"\n\nnamespace planted {\n\n'
                   'int number = 0;\nconst std::vector<const char *> names = {\n'
                   + ''.join(f'    "{name}",\n' for _, _, name, _, _ in BUGS) + '};\n\n}\n')


if __name__ == '__main__':
    main(sys.argv[1], sys.argv[2])
