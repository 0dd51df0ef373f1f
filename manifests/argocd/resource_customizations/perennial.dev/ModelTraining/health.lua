-- Progressing only until the first usable version; a later run, or a refused challenger, leaves the object healthy.
local function find(type)
  if obj.status ~= nil and obj.status.conditions ~= nil then
    for _, condition in ipairs(obj.status.conditions) do
      if condition.type == type then
        return condition
      end
    end
  end
  return nil
end

local function isCurrent(condition)
  return condition.observedGeneration == nil or condition.observedGeneration == obj.metadata.generation
end

local waits = { Queued = true, Suspended = true, AwaitingApproval = true }
local stalled, succeeded, ready = find("Stalled"), find("Succeeded"), find("Ready")

if stalled ~= nil and stalled.status == "True" then
  if isCurrent(stalled) then
    return { status = "Degraded", message = stalled.message }
  end
  return { status = "Progressing", message = "Waiting for the operator to look at the new spec" }
end
if succeeded ~= nil and waits[succeeded.reason] then
  return { status = "Suspended", message = succeeded.message }
end
if ready ~= nil and ready.status == "True" then
  if succeeded ~= nil and succeeded.status ~= "True" then
    return { status = "Healthy", message = succeeded.message }
  end
  return { status = "Healthy", message = ready.message }
end
if succeeded ~= nil then
  return { status = "Progressing", message = succeeded.message }
end
return { status = "Progressing", message = "Waiting for the operator" }
